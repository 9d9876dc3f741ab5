package command

import (
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// What clients may take of the daemon at once, so that they can't take the memory
// and the files that a run needs. More connections are closed.
const (
	maxConnections = 256
	maxScrapes     = 16
)

// server answers GET and HEAD on three paths. Nothing there changes anything.
func (d *daemon) server() *http.Server {
	process := prometheus.NewRegistry()
	process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	paths := map[string]http.Handler{
		"/metrics": promhttp.HandlerFor(prometheus.Gatherers{d.registry, process}, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}),
		"/healthz": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") }),
		"/readyz":  http.HandlerFunc(d.ready),
	}
	// Not a ServeMux, which redirects from a path that is nearly one of them.
	exactly := func(w http.ResponseWriter, r *http.Request) {
		handler, ok := paths[r.URL.Path]
		switch {
		case !ok:
			http.Error(w, "not found", http.StatusNotFound)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		default:
			handler.ServeHTTP(w, r)
		}
	}
	var open atomic.Int64
	return &http.Server{
		Handler: http.HandlerFunc(exactly), DisableGeneralOptionsHandler: true,
		MaxHeaderBytes: 16 << 10, ErrorLog: stdlog.New(d.log, "", 0),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				if open.Add(1) > maxConnections {
					_ = c.Close()
				}
			case http.StateClosed:
				open.Add(-1)
			case http.StateActive, http.StateIdle, http.StateHijacked:
			}
		},
	}
}

// ready answers whether the last run succeeded and the brake is off; it is ready before the
// first one, too.
func (d *daemon) ready(w http.ResponseWriter, _ *http.Request) {
	switch last := d.lastRun(); {
	case last.brake:
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "not ready: the brake is on, as of the run that ended %s: dormant ledger clear-brake lets the runs act again\n", last.at.Format(time.RFC3339))
	case last.outcome == "":
		fmt.Fprintln(w, "ready: no run has ended yet")
	case last.outcome.Succeeded():
		fmt.Fprintf(w, "ready: the last run ended %s: %s\n", last.at.Format(time.RFC3339), last.outcome)
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "not ready: the last run ended %s: %s\n", last.at.Format(time.RFC3339), last.outcome)
	}
}
