package workspace

import (
	"slices"
	"strings"
	"time"

	"crosswalk/adapters"
	"crosswalk/source"
)

// schemes are the ways to prove a sender that belong to no product of the catalogue. All others are named after the
// adapter that declares them.
var schemes = map[string]*adapters.Webhook{
	VerifyStandard: { // standardwebhooks.com
		Headers: []string{"Webhook-Signature"}, Form: "versions", Name: "v1", Hash: "sha256", Encoding: "base64", Signs: "{id}.{timestamp}.{body}",
		SecretForm: "base64", SecretPrefix: "whsec_", SecretBytes: 24,
		StampHeader: "Webhook-Timestamp", StampFormat: "epoch", Tolerance: 5 * time.Minute, ID: "Webhook-Id",
	},
	VerifyX:     {Headers: []string{"X-Twitter-Webhooks-Signature"}, Form: "plain", Prefix: "sha256=", Hash: "sha256", Encoding: "base64", Signs: "{body}"},
	VerifyToken: {Unsigned: "the sender signs nothing"},
}

// webhooks finds the scheme of each source that names a product.
func (l *loader) webhooks(r *Reach) {
	for _, s := range r.Config.Intake {
		scheme := s.Verify.Scheme
		if scheme == "" || scheme == VerifyNone {
			continue
		}
		if s.Verify.Webhook = schemes[scheme]; s.Verify.Webhook != nil {
			continue
		}
		node := s.Verify.node.Get("scheme")
		known := append(l.files.names("adapters", ".yaml"), VerifyStandard, VerifyX, VerifyToken, VerifyNone)
		if !slices.Contains(known, scheme) {
			hint := source.DidYouMean(scheme, known)
			if !strings.HasPrefix(hint, "did you mean") {
				hint = "the name of an adapter, or one of " + strings.Join([]string{VerifyStandard, VerifyX, VerifyToken, VerifyNone}, ", ")
			}
			node.Errorf(hint, "there is no scheme %q, and no adapter of this name", scheme)
			continue
		}
		adapter := l.adapterFile(r, scheme, node)
		if adapter == nil {
			continue // what is wrong with it was said
		}
		if s.Verify.Webhook = adapter.Webhook; s.Verify.Webhook == nil {
			if shipped := adapters.Catalog()[scheme]; shipped != nil {
				s.Verify.Webhook = shipped.Webhook
			}
		}
		if s.Verify.Webhook == nil {
			node.Errorf("add webhooks: to "+adapter.File+", or use scheme: token", "the adapter %q does not say how its product signs", scheme)
		}
	}
}
