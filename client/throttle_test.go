package client

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A model is a directory that requests are sent to without HTTP. Its time is that of a
// bubble.
type model struct {
	throttle *throttle
	now      atomic.Int32 // requests under way
	most     atomic.Int32
	refusals atomic.Int32
	answers  atomic.Int32

	answer func(now int) (took time.Duration, ok bool)
}

// throttled runs a test in a bubble, with so many workers that send requests all the time.
func throttled(t *testing.T, workers int, answer func(now int) (time.Duration, bool), test func(t *testing.T, m *model)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &model{throttle: newThrottle(workers), answer: answer}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range workers {
			running.Go(func() {
				for ctx.Err() == nil {
					m.request(ctx)
				}
			})
		}
		test(t, m)
		stop()
		running.Wait()
		if m.throttle.underWay != 0 || len(m.throttle.waiting) != 0 {
			t.Errorf("%d requests are under way and %d wait after the last one", m.throttle.underWay, len(m.throttle.waiting))
		}
	})
}

// request sends one request, and waits half a second if it was refused.
func (m *model) request(ctx context.Context) {
	_, turn, err := m.throttle.enter(ctx)
	if err != nil {
		return
	}
	sent := m.throttle.start(time.Now())
	now := m.now.Add(1)
	m.most.Store(max(m.most.Load(), now))
	took, ok := m.answer(int(now))
	<-time.After(took)
	m.now.Add(-1)
	if ok {
		m.answers.Add(1)
		m.throttle.answered(opGet, sent, time.Now())
		turn.end()
		return
	}
	m.refusals.Add(1)
	m.throttle.refused(sent, time.Now(), 0)
	turn.end()
	<-time.After(firstWait)
}

// during returns what happens in the next d: the most requests at once, and how many were
// refused and answered.
func (m *model) during(d time.Duration) (most, refusals, answers int) {
	m.most.Store(0)
	refused, answered := m.refusals.Load(), m.answers.Load()
	<-time.After(d)
	return int(m.most.Load()), int(m.refusals.Load() - refused), int(m.answers.Load() - answered)
}

const usualAnswer = 20 * time.Millisecond

// TestSteadyDirectoryGetsAll: as long as nothing is in the way, as many requests are under
// way as are configured, from the first moment on.
func TestSteadyDirectoryGetsAll(t *testing.T) {
	for _, workers := range []int{1, 2, 4, 16} {
		throttled(t, workers, func(int) (time.Duration, bool) { return usualAnswer, true }, func(t *testing.T, m *model) {
			if most, _, answers := m.during(10*time.Second + time.Millisecond); most != workers || answers != 500*workers {
				t.Errorf("%d at once, %d answers, want %d and %d", most, answers, workers, 500*workers)
			}
		})
	}
}

// TestUnevenAnswersGetAll: answers that take long for reasons of their own are no reason
// for fewer requests.
func TestUnevenAnswersGetAll(t *testing.T) {
	var n atomic.Int64
	throttled(t, 8, func(int) (time.Duration, bool) {
		return time.Duration(20+37*n.Add(1)%180) * time.Millisecond, true // 20 to 199 ms
	}, func(t *testing.T, m *model) {
		if _, _, answers := m.during(time.Minute); answers < 60*1000*8/110*9/10 {
			t.Errorf("%d answers, %d are possible", answers, 60*1000*8/110)
		}
	})
}

// TestLimitOfDirectory: a directory that refuses more than so many requests at once is
// soon asked for hardly more, and for as many as before when the limit is gone.
func TestLimitOfDirectory(t *testing.T) {
	for limit := 1; limit <= 8; limit++ {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			var allowed atomic.Int32
			allowed.Store(int32(limit))
			throttled(t, 8, func(now int) (time.Duration, bool) {
				return usualAnswer, now <= int(allowed.Load())
			}, func(t *testing.T, m *model) {
				if _, refusals, answers := m.during(10 * time.Second); refusals > 40 || answers < 10*50*limit*6/10 {
					t.Errorf("at first %d refusals, %d answers, %d are possible", refusals, answers, 10*50*limit)
				}
				m.during(20 * time.Second)
				if _, refusals, answers := m.during(2 * time.Minute); refusals > answers/500 || answers < 120*50*limit*9/10 {
					t.Errorf("%d refusals, %d answers, %d are possible", refusals, answers, 120*50*limit)
				}
				allowed.Store(8)
				m.during(4 * time.Minute)
				if most, _, answers := m.during(10 * time.Second); most != 8 || answers < 10*50*8-8 {
					t.Errorf("%d at once, %d answers after the limit was gone", most, answers)
				}
			})
		})
	}
}

// TestRefusalsCountOnce: refusals of requests that were under way together count once.
func TestRefusalsCountOnce(t *testing.T) {
	th := newThrottle(16)
	now := time.Now()
	for round, want := range []int{8, 4, 2, 1, 1, 1} {
		var together []start
		for range 10 {
			together = append(together, th.start(now))
		}
		for i, sent := range together {
			if th.refused(sent, now, 0); th.atOnce() != want {
				t.Errorf("refusal %d of round %d: %d at once, want %d", i, round, th.atOnce(), want)
			}
		}
	}
}

// TestQueueOfDirectory: where more requests at once only wait for each other, fewer are
// sent, without a loss.
func TestQueueOfDirectory(t *testing.T) {
	for _, servers := range []int{1, 2, 3, 4, 8} {
		for name, queued := range map[string]func(now int) time.Duration{
			"in line": nil,
			"slow down": func(now int) time.Duration {
				return usualAnswer * time.Duration(max(now, servers)) / time.Duration(servers)
			},
		} {
			t.Run(fmt.Sprint(name, " ", servers), func(t *testing.T) {
				var mu sync.Mutex
				free := make([]time.Time, servers) // when each of the servers is free
				inLine := func(int) time.Duration {
					mu.Lock()
					defer mu.Unlock()
					first := 0
					for i, at := range free {
						if at.Before(free[first]) {
							first = i
						}
					}
					if free[first].Before(time.Now()) {
						free[first] = time.Now()
					}
					free[first] = free[first].Add(usualAnswer)
					return time.Until(free[first])
				}
				answer := inLine
				if queued != nil {
					answer = queued
				}
				throttled(t, 8, func(now int) (time.Duration, bool) { return answer(now), true }, func(t *testing.T, m *model) {
					if _, _, answers := m.during(10 * time.Second); answers < 10*50*servers*9/10 {
						t.Errorf("at first %d answers, %d are possible", answers, 10*50*servers)
					}
					most, _, answers := m.during(5 * time.Minute)
					if possible := 5 * 60 * 50 * servers; answers < possible*9/10 {
						t.Errorf("%d answers, %d are possible", answers, possible)
					}
					if most > 2*servers || servers == 8 && most != 8 {
						t.Errorf("%d at once, where %d are enough", most, servers)
					}
				})
			})
		}
	}
}

// TestSlowerDirectory: one that has become slower for another reason loses nothing.
func TestSlowerDirectory(t *testing.T) {
	var took atomic.Int64
	took.Store(int64(usualAnswer))
	throttled(t, 8, func(int) (time.Duration, bool) { return time.Duration(took.Load()), true }, func(t *testing.T, m *model) {
		m.during(time.Second)
		took.Store(int64(10 * usualAnswer))
		m.during(10 * time.Second)
		if most, _, answers := m.during(time.Minute); most != 8 || answers < 60*5*8-8 {
			t.Errorf("%d at once, %d answers", most, answers)
		}
	})
}
