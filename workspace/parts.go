package workspace

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"crosswalk/store"
)

// part is what two people may change without touching each other: a use case with its tables, or a file of the reach.
type part struct {
	kind, name string
}

func (p part) String() string {
	if p.kind == store.KindBundle {
		return "use case " + p.name
	}
	return p.name
}

// parts are what a state consists of: the hash of each bundle, the text of each file.
func (s State) parts() map[part]string {
	parts := map[part]string{}
	for name, bundle := range s.Bundles {
		parts[part{store.KindBundle, name}] = bundle.Hash()
	}
	for name, text := range s.Files {
		parts[part{store.KindReach, name}] = text
	}
	return parts
}

func partsAt(ctx context.Context, s *store.Store, version int64) (map[part]string, error) {
	state, err := StateAt(ctx, s, version)
	return state.parts(), err
}

func sortedParts(parts map[part]string) []part {
	return slices.SortedFunc(maps.Keys(parts), func(a, b part) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
}

// pastOfPart is what a part was, newest first. Nothing ("") is what was not in force.
type pastOfPart []struct {
	by   store.Published
	body string
}

// held says whether a part was the same at any time before the last change.
func (p pastOfPart) held(body string) bool {
	for _, one := range p[1:] {
		if one.body == body {
			return true
		}
	}
	return false
}

// history reads what parts were up to a version.
type history struct {
	store   *store.Store
	version int64
	files   map[string]map[string]string // by the hash of the reach
}

// farBack is how many publications are looked through for who changed a part.
const farBack = 200

func (h *history) of(ctx context.Context, p part) (pastOfPart, error) {
	name := p.name
	if p.kind == store.KindReach {
		name = "" // all files are published as one
	}
	published, err := h.store.Publications(ctx, p.kind, name, farBack)
	if err != nil {
		return nil, fmt.Errorf("workspace: %w", err)
	}
	var past pastOfPart
	for _, one := range published {
		body, err := h.body(ctx, p, one.Hash)
		if err != nil {
			return nil, fmt.Errorf("workspace: version %d: %w", one.Version, err)
		}
		switch last := len(past) - 1; {
		case one.Version > h.version: // came after the comparison began; publishing will find out
		case last >= 0 && past[last].body == body:
			past[last].by = one // it was so before: this one brought it
		default:
			past = append(past, struct {
				by   store.Published
				body string
			}{one, body})
		}
	}
	return past, nil
}

func (h *history) body(ctx context.Context, p part, hash string) (string, error) {
	if p.kind == store.KindBundle {
		return hash, nil
	}
	files, known := h.files[hash]
	if !known {
		var err error
		if files, err = filesOf(ctx, h.store, hash); err != nil {
			return "", err
		}
		h.files[hash] = files
	}
	return files[p.name], nil
}
