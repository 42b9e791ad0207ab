package desk

import "net/http"

// file gives an attachment or a robot's picture of a case. Only pictures that a browser cannot be tricked with are
// shown; everything else is a download of no particular type.
func (d *Desk) file(w http.ResponseWriter, r *http.Request, _ person) error {
	blob, err := d.Store.Blob(r.Context(), r.PathValue("id"), r.PathValue("blob"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	switch blob.MediaType {
	case "image/png", "image/jpeg", "image/webp", "image/gif":
		h.Set("Content-Type", blob.MediaType)
		h.Set("Content-Disposition", "inline")
	default:
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", "attachment")
	}
	_, _ = w.Write(blob.Body)
	return nil
}
