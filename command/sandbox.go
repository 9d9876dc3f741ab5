package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"dormant/client/profile"
	"dormant/client/sandbox"
)

// sandbox serves the sample directory until ctx is done.
func (a *app) sandbox(ctx context.Context, args []string) int {
	var o sandbox.Options
	flags := flag.NewFlagSet("dormant sandbox", flag.ContinueOnError)
	flags.SetOutput(a.Stderr)
	listen := flags.String("listen", "127.0.0.1:8081", "`address` to serve at")
	users := flags.Int("users", 200, "how many accounts there are")
	flags.StringVar(&o.System, "system", "itflex", "what it is like: "+strings.Join(sandbox.Systems(), ", "))
	flags.Uint64Var(&o.Seed, "seed", 1, "of the accounts and the faults")
	flags.DurationVar(&o.Latency, "latency", 0, "before every answer, such as 50ms")
	flags.Float64Var(&o.FaultRate, "faults", 0, "the share of requests that fail, from 0 to 1")
	flags.Float64Var(&o.RateLimit, "rate", 0, "requests a second before it answers 429; 0: no limit")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		return exitUsage // flags has said why
	case flags.NArg() > 0:
		return a.failUsage(errors.New("usage: dormant sandbox [FLAGS]; dormant sandbox -h lists them"))
	case *users < 1:
		return a.failUsage(fmt.Errorf("-users=%d: there is at least one, who calls", *users))
	}
	server, address, err := a.serveSandbox(ctx, o, *users, *listen)
	if err != nil {
		return a.failUsage(err)
	}
	defer server.Close()
	code := a.print(fmt.Sprintf("# %d accounts of %s, until it is stopped. To look at them from another terminal:\n"+
		"export %s\n%s audit\n", *users, o.System, strings.Join(sandboxEnviron(o.System, "http://"+address.String()), " "), a.typed()))
	<-ctx.Done()
	return code
}

// sandboxServer is a sandbox that is being served.
type sandboxServer struct {
	*sandbox.Server
	http *http.Server
}

func (s *sandboxServer) Close() { _ = s.http.Close() }

func (a *app) serveSandbox(ctx context.Context, o sandbox.Options, users int, listen string) (*sandboxServer, net.Addr, error) {
	o.Users, o.WithLastLogin = sandbox.Population(users, o.Seed, a.Now()), true
	directory, err := sandbox.New(o)
	if err != nil {
		return nil, nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, nil, err
	}
	s := &sandboxServer{directory, &http.Server{Handler: directory, ReadHeaderTimeout: 5 * time.Second}}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, listener.Addr(), nil
}

// sandboxCaller is the account that the sandbox takes every caller for.
const sandboxCaller = "admin"

// sandboxEnviron are the variables with which the program reaches a sandbox of the
// system.
func sandboxEnviron(system, url string) []string {
	name := system
	p, err := profile.Load(system)
	if err != nil {
		name = "./" + system + ".yaml" // the guide to profiles shows how to write it
	}
	environ := []string{"DORMANT_PROFILE=" + name, "DORMANT_URL=" + url}
	given := map[string]string{}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(sandbox.Params(system))) {
		given[name] = strings.ReplaceAll(sandbox.Params(system)[name], "{url}", url)
		pairs = append(pairs, name+"="+given[name])
	}
	if len(pairs) > 0 {
		environ = append(environ, "DORMANT_PARAMS="+strings.Join(pairs, ","))
	}
	credentials := []string{"DORMANT_TOKEN=" + sandbox.DefaultToken}
	if err == nil && len((profile.Values{Token: sandbox.DefaultToken, Params: given}).Check(p)) > 0 {
		credentials = []string{"DORMANT_USERNAME=" + sandboxCaller, "DORMANT_PASSWORD=" + sandbox.DefaultSecret}
	}
	return slices.Concat(environ, credentials, []string{"DORMANT_ACTOR=" + sandboxCaller, "DORMANT_INACTIVE_FOR=90d"})
}
