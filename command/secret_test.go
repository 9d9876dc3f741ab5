package command

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"dormant/client/sandbox"
)

func TestSecretsAreNotShown(t *testing.T) {
	const secret = "hunter2-do-not-show"
	echo := func(w http.ResponseWriter, r *http.Request) bool { // a server that repeats what it was told
		body, _ := io.ReadAll(r.Body)
		return answer(w, http.StatusBadRequest, fmt.Sprintf(`{"message": "bad request: %s %s"}`, r.Header, body))
	}
	gateway := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gateway.Close)
	withPassword := strings.Replace(gateway.URL, "//", "//user:"+secret+"@", 1)
	for _, c := range []struct {
		says, system string
		want         int
		environ      []string // in the place of DORMANT_TOKEN
	}{
		{"token", "itflex", exitFailed, []string{"DORMANT_TOKEN=" + secret}},
		{"token in a file", "maestro", exitFailed, []string{"DORMANT_TOKEN_FILE=" + write(t, "token", secret+"\n")}},
		{"token in a file with a byte order mark", "maestro", exitFailed, []string{"DORMANT_TOKEN_FILE=" + write(t, "token", "\ufeff"+secret+"\r\n")}},
		{"refresh token", "itflex", exitUsage, []string{"DORMANT_CLIENT_SECRET=" + secret}},
		{"password", "maestro", exitUsage, []string{"DORMANT_USERNAME=admin", "DORMANT_PASSWORD_FILE=" + write(t, "password", secret)}},
		{"a token that is no header", "itflex", exitUsage, []string{"DORMANT_TOKEN=" + secret + "\n"}},
		{"all of them, and a mistake", "redmine", exitUsage, []string{
			"DORMANT_TOKEN=" + secret, "DORMANT_PASSWORD=" + secret, "DORMANT_CLIENT_SECRET=" + secret, "DORMANT_PASWORD=" + secret,
		}},
		{"in the place of its file", "maestro", exitUsage, []string{"DORMANT_TOKEN_FILE=" + secret}},
		{"in the place of a file, with slashes", "maestro", exitUsage, []string{"DORMANT_USERNAME=a", "DORMANT_PASSWORD_FILE=/" + secret + "/x"}},
		{"in the place of the key's file", "itflex", exitUsage, []string{"DORMANT_TOKEN=x", "DORMANT_CERT_FILE=cert.pem", "DORMANT_KEY_FILE=-----BEGIN " + secret}},
		{"in the place of the key's file, alone", "itflex", exitUsage, []string{"DORMANT_TOKEN=x", "DORMANT_KEY_FILE=-----BEGIN " + secret}},
		{"in the URL", "itflex", exitUsage, []string{"DORMANT_TOKEN=x", "DORMANT_URL=http://user:" + secret + "@127.0.0.1"}},
		{"in the gateway's URL", "itflex", exitFailed, []string{"DORMANT_TOKEN=x", "DORMANT_PUSHGATEWAY_URL=" + withPassword}},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			d := serve(t, c.system)
			d.before(echo)
			report := filepath.Join(t.TempDir(), "report.json")
			d.unset("DORMANT_TOKEN")
			p := start(t, d.env(append(c.environ, "DORMANT_LOG_LEVEL=debug", "DORMANT_REPORT="+report)...), "run")
			if got := p.wait(t); got != c.want {
				t.Errorf("the exit code is %d, not %d:\n%s", got, c.want, &p.stderr)
			}
			written, _ := os.ReadFile(report)
			if all := p.stdout.String() + p.stderr.String() + string(written); strings.Contains(all, secret) {
				t.Errorf("the secret is in:\n%s", all)
			}
		})
	}
}

// TestNoSecretIsShown: whatever the directory does with the credentials that it
// is sent, none shows in anything that any command leaves, and none reaches
// another origin, where only goes what signs in there.
func TestNoSecretIsShown(t *testing.T) {
	s := canaries{}
	var mu sync.Mutex
	var atLogin, elsewhere []string
	listening := func(to *[]string, code int, body string) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text := dump(r)
			mu.Lock()
			defer mu.Unlock()
			*to = append(*to, text)
			if assertion := regexp.MustCompile(`assertion=([^&]{20,})`).FindStringSubmatch(text); assertion != nil {
				s["assertion "+strconv.Itoa(len(*to))] = []string{assertion[1][len(assertion[1])-40:]} // its signature
			}
			answer(w, code, body)
		}))
		t.Cleanup(server.Close)
		return server
	}
	issued, _ := json.Marshal(canaries{}.plant("issued"))
	login := listening(&atLogin, 200, fmt.Sprintf(`{"access_token":%s,"expires_in":3600}`, issued))
	away := listening(&elsewhere, 200, "{}")
	var pushes []string
	gateway := listening(&pushes, 200, "")
	gatewayURL := strings.Replace(gateway.URL, "//", "//pusher:"+url.PathEscape(s.plant("gateway"))+"@", 1)

	var sentToDirectory, left []string
	kinds := credentials(t, s, login.URL)
	keep := func(says, text string) {
		mu.Lock()
		defer mu.Unlock()
		left = append(left, says+"\n"+text)
	}
	t.Run("kinds", func(t *testing.T) {
		for kind, c := range kinds {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				environ := slices.Concat(c.environ, []string{"DORMANT_LOG_LEVEL=debug", "DORMANT_GRACE=1d", forReal, "DORMANT_PUSHGATEWAY_URL=" + gatewayURL,
					"DORMANT_LISTEN=127.0.0.1:0", "DORMANT_RUN_AT_START=true", "DORMANT_REQUEST_TIMEOUT=5s"})
				if slices.Contains([]string{"entra", "maestro", "gitea"}, c.system) {
					environ = append(environ, "DORMANT_ACTOR=admin")
				}
				var met []*commandRuns
				for says, parrot := range echoes(away.URL) {
					if strings.HasSuffix(kind, " in a file") && says != "works" && says != "400" && says != "a length" {
						continue // as without a file
					}
					d := serve(t, c.system, func(o *sandbox.Options) { o.Users = sandbox.Population(20, 1, now) }, c.options)
					d.before(parrot)
					d.unset("DORMANT_TOKEN")
					met = append(met, startCommands(t, d, kind+", "+says, environ))
				}
				for _, m := range met {
					m.finish(t, keep)
					mu.Lock()
					for _, r := range m.d.Requests() {
						sentToDirectory = append(sentToDirectory, fmt.Sprint(r.Path, r.Query, r.Header))
					}
					mu.Unlock()
				}
				d := serve(t, c.system, c.options)
				d.unset("DORMANT_TOKEN")
				for _, args := range []string{"run extra", "audit -h", "help", "help run", "profiles", "profiles " + c.system, "version", "sandbox -h", "nothing", "explain"} {
					p := start(t, d.env(environ...), strings.Fields(args)...)
					p.wait(t)
					keep(kind+", "+args, p.stdout.String()+p.stderr.String())
				}
			})
		}
	})
	for _, text := range left {
		if found := s.shownIn(text); len(found) > 0 {
			says, text, _ := strings.Cut(text, "\n")
			at := max(0, strings.Index(text, s[found[0]][0])-200)
			t.Errorf("%s: %q can be seen: %.400q", says, found, text[at:])
		}
	}
	want := func(what string, texts []string, has bool, secrets ...string) {
		t.Helper()
		found := s.shownIn(strings.Join(texts, "\n"))
		for _, secret := range secrets {
			if slices.Contains(found, secret) != has {
				t.Errorf("%s got %q; %s: %t", what, found, secret, has)
			}
		}
	}
	// That they can be found at all shows where they belong.
	want("the directory", sentToDirectory, true, "token", "password", "issued")
	want("the directory", sentToDirectory, false, "gateway", "secret")
	want("where it signs in", atLogin, true, "secret")
	want("where it signs in", atLogin, false, "token", "password", "issued", "gateway", "refresh")
	want("the Pushgateway", pushes, true, "gateway")
	want("the Pushgateway", pushes, false, "token", "password", "issued", "secret", "refresh")
	if len(elsewhere) > 0 {
		t.Errorf("another origin got %d requests: %.2000s", len(elsewhere), elsewhere[0])
	}
	for what := range s {
		if strings.Contains(what, "of the key") {
			want("anybody", slices.Concat(sentToDirectory, atLogin, pushes), false, what)
		}
	}
}

// commandRuns are runs of all the commands against one directory.
type commandRuns struct {
	d        *directory
	says, at string
	programs map[string]*program
}

func startCommands(t *testing.T, d *directory, says string, environ []string) *commandRuns {
	m := &commandRuns{d, says, t.TempDir(), map[string]*program{}}
	if err := os.WriteFile(m.at+"/doubt", []byte(`{"event":"intent","run_id":"r","user_id":"1","action":"remove"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environ = d.env(append(environ, "DORMANT_JOURNAL="+m.at+"/journal", "DORMANT_METRICS_FILE="+m.at+"/m.prom")...)
	for command, more := range map[string][]string{
		"audit":                             {"DORMANT_REPORT=" + m.at + "/a.json", "DORMANT_FORMAT=table", "DORMANT_MAX_RETRIES=1"},
		"run":                               {"DORMANT_REPORT=" + m.at + "/r.html", "DORMANT_FORMAT=csv"},
		"daemon":                            {"DORMANT_REPORT=" + m.at + "/d.csv", "DORMANT_LOG_FORMAT=console"},
		"check":                             nil,
		"explain admin":                     nil,
		"journal verify " + m.at + "/doubt": nil,
	} {
		own := "DORMANT_LEDGER=" + m.at + "/ledger-" + strings.Fields(command)[0] // one run at a time has a ledger
		m.programs[command] = start(t, slices.Concat(environ, more, []string{own}), strings.Fields(command)...)
	}
	return m
}

// finish waits for the commands, and hands on all that they leave.
func (m *commandRuns) finish(t *testing.T, keep func(says, text string)) {
	daemon := m.programs["daemon"]
	address := daemon.stderr.await(t, `address=(\S+)`)[1]
	daemon.stderr.await(t, `run finished`)
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/x"} {
		_, text := get(t, http.MethodGet, "http://"+address+path)
		keep(m.says+", "+path, text)
	}
	daemon.signal(os.Interrupt)
	for command, p := range m.programs {
		p.wait(t)
		keep(m.says+", "+command, p.stdout.String()+p.stderr.String())
		if strings.Contains(p.stderr.String(), "the configuration is wrong") {
			t.Errorf("%s: %s", command, &p.stderr)
		}
	}
	if stdout := m.programs["run"].stdout.String(); strings.HasSuffix(m.says, ", works") && !strings.Contains(stdout, "kept") {
		t.Errorf("%s does not:\n%s%s", m.says, stdout, &m.programs["run"].stderr)
	}
	files, err := filepath.Glob(m.at + "/*")
	if err != nil || len(files) < 5 {
		t.Errorf("%v: %q", err, files)
	}
	for _, file := range files {
		keep(m.says+", "+filepath.Base(file), read(t, file))
	}
}

// TestPanicShowsNoSecret: nor do the arguments and the environments of processes,
// but for its own.
func TestPanicShowsNoSecret(t *testing.T) {
	t.Parallel()
	s := canaries{}
	token := s.plant(fmt.Sprint("process-", os.Getpid()))
	d := serve(t, "itflex")
	d.unset("DORMANT_TOKEN")
	environ := d.env("DORMANT_TOKEN="+token, "DORMANT_LOG_LEVEL=debug", "DORMANT_LISTEN=127.0.0.1:0", "DORMANT_RUN_AT_START=true", "GOTRACEBACK=all", panicking+"=1", "GOCOVERDIR="+t.TempDir())
	panics := func(command string) *program {
		cmd := exec.CommandContext(t.Context(), os.Args[0], command)
		cmd.Env = environ
		return startProcess(t, cmd)
	}
	once := panics("run")
	once.wait(t)
	daemon := panics("daemon")
	address := daemon.stderr.await(t, `"address":"([^"]+)"`)[1]
	daemon.stderr.await(t, "it panicked")
	daemon.stderr.await(t, "goroutine ")
	_, metrics := get(t, http.MethodGet, "http://"+address+"/metrics")

	holding := map[string]int{}
	for _, what := range []string{"environ", "cmdline"} {
		files, _ := filepath.Glob("/proc/[0-9]*/" + what)
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && len(s.shownIn(string(text))) > 0 {
				holding[what]++
			}
		}
	}
	if _, err := os.Stat("/proc/self/environ"); err == nil && (holding["environ"] != 1 || holding["cmdline"] > 0) {
		t.Errorf("as many processes hold the token: %v", holding)
	}
	daemon.signal(os.Interrupt)
	daemon.wait(t)
	if !strings.Contains(once.stderr.String(), "panic: ") || !strings.Contains(metrics, `dormant_runs_total{command="daemon",outcome="failed"} 1`) {
		t.Errorf("it did not panic:\n%s%s", &once.stderr, metrics)
	}
	for _, text := range []string{once.stdout.String() + once.stderr.String(), daemon.stdout.String() + daemon.stderr.String(), metrics} {
		if len(s.shownIn(text)) > 0 {
			t.Errorf("the token can be seen:\n%s", text)
		}
	}
}
