package adapters

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
	"strings"
)

// writeWhole writes a file as a part, which then takes its name. The part is named after the file and the effect: what an
// earlier try of the same effect left when its process was killed is removed, and nothing else. Each try has a name of its own,
// as one that is believed dead may still be writing.
func writeWhole(ctx context.Context, open openFolder, name, key string, content []byte) error {
	folder, base := path.Split(name)
	effect := sha256.Sum256([]byte(key))
	ours := "." + base + "." + hex.EncodeToString(effect[:6]) + "."
	if around := callOf(ctx); around != nil && around.repeated {
		found, _ := open.list(path.Clean(folder)) // a folder may let files in that it does not list, nor let anybody remove
		for _, info := range found {
			if info.Mode().IsRegular() && strings.HasPrefix(info.Name(), ours) && strings.HasSuffix(info.Name(), partSuffix) {
				_ = open.remove(folder + info.Name())
			}
		}
	}
	return open.write(name, folder+ours+rand.Text()[:8]+partSuffix, content)
}

const partSuffix = ".part"

// overtaken is the error of a rename of a part. One that is gone was removed by a later try of the same write, which says what
// came of it: it is not for this one to claim that nothing is there.
func overtaken(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("a later try of the same write took its place")
	}
	return err
}
