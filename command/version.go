package command

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Set by the linker: -X dormant/command.release=v1.2.3 -X dormant/command.commit=…
var release, commit string

func (a *app) version(context.Context, []string) int {
	return a.print(fmt.Sprintf("dormant %s (revision %s, %s)\n", versionText(), revision(), runtime.Version()))
}

func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if release != "" || !ok {
		return release
	}
	return strings.Trim(info.Main.Version, "()")
}

func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok && commit == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return cmp.Or(commit, "unknown")
}

func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dormant_build_info", Help: "Always 1; the labels tell what is running.",
		ConstLabels: prometheus.Labels{"version": versionText(), "revision": revision(), "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}
