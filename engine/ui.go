package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/temporalio/ui-server/v2/server/api"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/csrf"
	"github.com/temporalio/ui-server/v2/server/headers"
	"github.com/temporalio/ui-server/v2/server/route"
	"github.com/temporalio/ui-server/v2/ui"
)

// webUI is the Temporal UI. It is put together from the parts of ui-server instead of its NewServer,
// which can neither listen on a free port nor fail without ending the process.
type webUI struct {
	address string
	http    *http.Server
}

func startUI(address, frontend string, options Options) (*webUI, error) {
	handler, err := uiHandler(frontend, options.Namespace)
	if err != nil {
		return nil, fmt.Errorf("engine: the Temporal UI did not start: %w", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("engine: the Temporal UI did not start: %w", err)
	}
	if listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		handler = localOnly(handler)
	}
	u := &webUI{address: listener.Addr().String(), http: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}}
	go func() {
		if err := u.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			options.Logger.Error("the Temporal UI ended", "error", err)
		}
	}()
	return u, nil
}

func (u *webUI) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := u.http.Shutdown(ctx); err != nil {
		return u.http.Close()
	}
	return nil
}

func uiHandler(frontend, namespace string) (http.Handler, error) {
	assets, err := ui.Assets()
	if err != nil {
		return nil, err
	}
	if assets, err = fs.Sub(assets, "local"); err != nil {
		return nil, err
	}
	settings, err := config.NewConfigProviderWithRefresh(&config.Config{
		TemporalGRPCAddress: frontend,
		EnableUI:            true,
		DefaultNamespace:    namespace,
		DisableNewsFetch:    true,
		CORS:                config.CORS{CookieInsecure: true}, // plain HTTP on this machine
		HideLogs:            true,
	})
	if err != nil {
		return nil, err
	}
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	e.Use(middleware.Recover(), middleware.Gzip(), middleware.Secure(),
		csrf.EnsureTokenCookie(false), middleware.CSRFWithConfig(csrf.MiddlewareConfig(settings, false)))
	route.SetHealthRoute(e)
	if err := route.SetAPIRoutes(e, settings, []api.Middleware{headers.WithForwardHeaders([]string{"Caller-Type"})}); err != nil {
		return nil, err
	}
	if err := route.SetUIRoutes(e, "", assets, settings); err != nil {
		return nil, err
	}
	route.SetRenderRoute(e, "/")
	return e, nil
}

// localOnly refuses requests for other host names. Without it a page on the internet could point its
// own name at 127.0.0.1 and read the cases through the visitor's browser.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this Temporal UI answers on this machine only: use http://localhost", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
