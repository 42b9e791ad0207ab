package main

import (
	"context"
	"sync"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/proto"
)

// plainRod is the same robot with rod's own elements, written as its documentation does.
type plainRod struct {
	launcher *launcher.Launcher
	browser  *rod.Browser
	mutex    sync.Mutex
	cookies  []*proto.NetworkCookieParam
}

func newPlainRod(chromium string) (*plainRod, error) {
	l := launcher.New().Bin(chromium).Leakless(false).NoSandbox(true)
	address, err := l.Launch()
	if err != nil {
		return nil, err
	}
	browser := rod.New().ControlURL(address)
	return &plainRod{launcher: l, browser: browser}, browser.Connect()
}

func (d *plainRod) close() {
	_ = d.browser.Close()
	d.launcher.Cleanup()
}

func (d *plainRod) robot(ctx context.Context, o order) (rows int, err error) {
	err = rod.Try(func() {
		private := d.browser.Context(ctx).MustIncognito()
		defer private.MustClose()
		d.mutex.Lock()
		cookies := d.cookies
		d.mutex.Unlock()
		if o.Kept && cookies != nil {
			private.MustSetCookies(cookiesOf(cookies)...)
		}
		page := private.MustPage(o.Base + "/").MustWaitLoad()
		if !o.Kept || cookies == nil {
			page.MustElement("input[name=login]").MustInput("robot")
			page.MustElement("input[name=password]").MustInput("geheim-4711")
			next := page.MustWaitNavigation()
			page.MustElement("input[type=submit]").MustClick()
			next()
			d.mutex.Lock()
			d.cookies = proto.CookiesToParams(private.MustGetCookies())
			d.mutex.Unlock()
		}
		page.MustElement("input[name=customer]").MustInput("Müller & Söhne")
		page.MustElement("select[name=status]").MustSelect("offen")
		next := page.MustWaitNavigation()
		page.MustElement("input[type=submit]").MustClick()
		next()
		page.MustElement("#list")
		rows = len(page.MustEval(`() => Array.from(document.querySelectorAll('#list tr')).slice(1).map((row) => Array.from(row.cells).map((cell) => cell.innerText))`).Arr())
		if o.Picture {
			page.MustEval(`() => { for (const el of document.querySelectorAll('input[type=password]')) el.style.visibility = 'hidden' }`)
			quality := 70
			if _, err := page.Screenshot(false, &proto.PageCaptureScreenshot{Format: proto.PageCaptureScreenshotFormatJpeg, Quality: &quality, OptimizeForSpeed: true}); err != nil {
				panic(err) // rod.Try returns it
			}
		}
		if o.Hold {
			page.MustNavigate(o.Base + "/hold")
		}
	})
	return rows, err
}

func cookiesOf(cookies []*proto.NetworkCookieParam) []*proto.NetworkCookie {
	var all []*proto.NetworkCookie
	for _, cookie := range cookies {
		all = append(all, &proto.NetworkCookie{Name: cookie.Name, Value: cookie.Value, Domain: cookie.Domain, Path: cookie.Path, HTTPOnly: cookie.HTTPOnly})
	}
	return all
}
