package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// WriteFile writes the metrics to a file for the node exporter's textfile collector, and
// replaces the metrics of the last run. The time of the last success is kept if this run
// did not succeed.
func (m *Metrics) WriteFile(path string) error {
	if at := lastSuccessIn(path); !m.succeeded && !at.IsZero() {
		setTime(m.registered(m.lastSuccess), at)
	}
	if err := prometheus.WriteToTextfile(path, m.exported()); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// exported returns the metrics to write or push. It leaves out the numbers of accounts if
// no run of this process has read the directory, so that those of an earlier process
// stay.
func (m *Metrics) exported() prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := m.reg.Gather()
		return slices.DeleteFunc(families, func(f *dto.MetricFamily) bool {
			return !m.planned && f.GetName() == "dormant_last_run_users"
		}), err
	})
}

// maxMetrics bounds a file of metrics, in bytes.
const maxMetrics = 16 << 20

// lastSuccessIn reads the time of the last success from a file of metrics; zero if it has
// none or can't be read.
func lastSuccessIn(path string) time.Time {
	text, err := ReadFile(path, maxMetrics)
	if err != nil {
		return time.Time{}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if family := families["dormant_last_success_timestamp_seconds"]; err == nil && len(family.GetMetric()) > 0 {
		return time.UnixMilli(int64(1000 * family.GetMetric()[0].GetGauge().GetValue()))
	}
	return time.Time{}
}

// pushTimeout is how long a push to a Pushgateway may take.
const pushTimeout = 10 * time.Second

// Push adds the metrics to those that a Pushgateway has, so that the time of the last
// success stays there if this run did not succeed. It pushes even if ctx is done, because
// the metrics of an interrupted run are needed as well. It follows no redirect.
func (m *Metrics) Push(ctx context.Context, gateway string) error {
	p, err := newPusher(gateway)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushTimeout)
	defer cancel()
	if err := p.Gatherer(m.exported()).AddContext(ctx); err != nil {
		return fmt.Errorf("push metrics: %w", err)
	}
	return nil
}

// CheckGateway returns an error if Push can't use the URL. It sends nothing.
func CheckGateway(gateway string) error {
	_, err := newPusher(gateway)
	return err
}

// newPusher reads the URL of a Pushgateway, with or without a grouping key at its end:
// http://host:9091/metrics/job/dormant/instance/acme.
func newPusher(gateway string) (*push.Pusher, error) {
	u, err := url.Parse(gateway)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("is no URL: http://host:9091 or http://host:9091/metrics/job/NAME/instance/NAME is accepted")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("has a query or a fragment: http://host:9091 or http://host:9091/metrics/job/NAME/instance/NAME is accepted")
	}
	before, key, grouped := strings.Cut(u.Path, "/metrics/job/")
	user := u.User
	u.Path, u.RawPath, u.User = before, "", nil // the pusher's errors show its URL
	job, labels := "dormant", []string(nil)
	if grouped {
		parts := strings.Split(strings.Trim(key, "/"), "/")
		if len(parts)%2 == 0 || slices.Contains(parts, "") {
			return nil, errors.New("its grouping key is not complete: /metrics/job/NAME and pairs of label and value are accepted")
		}
		job, labels = parts[0], parts[1:]
	}
	p := push.New(u.String(), job).Client(&gatewayClient{secret: user != nil, http: &http.Client{CheckRedirect: refuseRedirect}})
	for pair := range slices.Chunk(labels, 2) {
		p = p.Grouping(pair[0], pair[1])
	}
	if user != nil {
		password, _ := user.Password()
		p = p.BasicAuth(user.Username(), password)
	}
	err = p.Error()
	return p, err
}

// refuseRedirect makes the redirect itself the answer: the password is for the configured
// gateway alone, and another server is not the one that Prometheus scrapes.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// gatewayClient makes each answer but a success an error of its own, since the pusher's
// has all that the server said.
type gatewayClient struct {
	secret bool // there is a password, which an answer may repeat
	http   *http.Client
}

// maxGatewayAnswer is how many bytes of an answer an error shows.
const maxGatewayAnswer = 200

func (c *gatewayClient) Do(req *http.Request) (*http.Response, error) {
	resp, err := c.http.Do(req)
	if err != nil || resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusAccepted {
		return resp, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer := "the gateway answered " + resp.Status
	if resp.Header.Get("Location") != "" {
		answer += ", a redirect that is not followed: set DORMANT_PUSHGATEWAY_URL to the gateway itself"
	}
	if text, err := io.ReadAll(io.LimitReader(resp.Body, maxGatewayAnswer)); err == nil && len(text) > 0 && !c.secret {
		answer += ": " + Printable(strings.TrimSpace(string(text)))
	}
	return nil, errors.New(answer)
}
