// Pocketbase is PocketBase as it is. It listens on a free port of loopback, says where,
// and writes a line of JSON when a request comes.
package main

import (
	"log"
	"log/slog"
	"net"
	"os"

	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
)

func main() {
	app := pocketbase.NewWithConfig(pocketbase.Config{HideStartBanner: true})
	out := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	app.OnServe().BindFunc(func(e *core.ServeEvent) (err error) {
		if e.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		out.Info("listening", "url", "http://"+e.Listener.Addr().String())
		e.InstallerFunc = nil // it would open a browser
		e.Router.BindFunc(func(e *core.RequestEvent) error {
			out.Info("request", "method", e.Request.Method, "path", e.Request.URL.Path)
			return e.Next()
		})
		return e.Next()
	})
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}
