package command

import (
	"context"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"dormant/command/notify"
	"dormant/job"
	"dormant/job/report"
)

// tell tells people about the run, if they want to hear of it. What can't be told is a warning
// in the report; it never makes a run fail. An interrupted run is told about as well.
func (a *app) tell(ctx context.Context, r *job.Report) {
	if !report.NoticeOn(a.cfg.NotifyOn).Includes(*r) {
		return
	}
	channels, err := a.cfg.Channels()
	if err != nil {
		a.notTold(r, "DORMANT_NOTIFY_URL_FILE", err)
	}
	ctx = context.WithoutCancel(ctx)
	errs := make([]error, len(channels))
	var all sync.WaitGroup
	for i, c := range channels {
		all.Go(func() { errs[i] = tellOne(ctx, c, *r) })
	}
	all.Wait()
	for i, c := range channels {
		result := "sent"
		if errs[i] != nil {
			result = "failed"
			a.notTold(r, fmt.Sprintf("%s, number %d of %d", c.Service, i+1, len(channels)), errs[i])
		}
		a.told.WithLabelValues(c.Service, result).Inc()
	}
}

func tellOne(ctx context.Context, c notify.Channel, r job.Report) error {
	text := report.NoticeText(r, c.Names)
	if c.JSON {
		var err error
		if text, err = report.NoticeJSON(r, c.Names); err != nil {
			return err
		}
	}
	return c.Send(ctx, report.NoticeTitle(r), text)
}

func (a *app) notTold(r *job.Report, subject string, err error) {
	a.log.Warn().Str(job.FieldRunID, r.RunID).Str(job.FieldWarning, job.WarnNotNotified).Err(err).Msg("people could not be told about the run: " + subject)
	r.Warnings = append(r.Warnings, job.Warning{Code: job.WarnNotNotified, Subject: subject, Message: fmt.Sprintf("people could not be told (%s): %v", subject, err)})
}

// notifications returns the metric of what people are told, at zero for all of its labels.
func notifications(reg *prometheus.Registry) *prometheus.CounterVec {
	told := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "dormant_notifications_total", Help: "Notifications by service and result.",
	}, []string{"service", "result"})
	for _, service := range notify.Services() {
		told.WithLabelValues(service, "sent")
		told.WithLabelValues(service, "failed")
	}
	reg.MustRegister(told)
	return told
}
