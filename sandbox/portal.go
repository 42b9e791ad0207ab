package sandbox

import "net/http"

// newPortal serves the fulfilment portal for the parcels of the world.
func newPortal(w *World, login Login) http.Handler {
	return http.NotFoundHandler()
}
