package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
)

func text(key, value string) attribute.KeyValue { return attribute.String(key, value) }

// metrics are what we count ourselves.
type metrics struct {
	casesStarted *prometheus.CounterVec
	casesEnded   *prometheus.CounterVec
	calls        *prometheus.HistogramVec
	retries      *prometheus.CounterVec
	effects      *prometheus.CounterVec
	entries      *prometheus.CounterVec
	answers      *prometheus.CounterVec
}

// callBuckets reach from a stand-in on the same machine to a robot in a slow portal, in seconds.
var callBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}

func newMetrics(registry *prometheus.Registry, role, version string) metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "crosswalk", Name: name, Help: help}, labels)
		registry.MustRegister(c)
		return c
	}
	m := metrics{
		casesStarted: counter("cases_started_total", "Cases that this process started.", "use_case"),
		casesEnded:   counter("cases_ended_total", "Cases whose end this process wrote down, by state: done, cancelled, failed.", "use_case", "state"),
		retries:      counter("call_retries_total", "Attempts of calls after the first.", "system", "operation"),
		effects:      counter("effects_total", "Writes in other systems, by what became of them: confirmed, void, unknown.", "system", "operation", "state"),
		entries:      counter("intake_entries_total", "Messages that were taken in, by source and what became of them.", "source", "outcome"),
		answers:      counter("task_answers_total", "Tasks that people answered, by kind.", "kind"),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "crosswalk", Name: "call_seconds", Buckets: callBuckets,
			Help: "Attempts of calls to systems, by the class of their error; ok if there was none."}, []string{"system", "operation", "class"}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "crosswalk", Name: "build_info", Help: "The release and role of this process."}, []string{"version", "role"})
	build.WithLabelValues(version, role).Set(1)
	registry.MustRegister(m.calls, build)
	return m
}

// CaseStarted counts a case.
func (t *Telemetry) CaseStarted(useCase string) {
	if t != nil {
		t.casesStarted.WithLabelValues(useCase).Inc()
	}
}

// CaseEnded counts the end of a case.
func (t *Telemetry) CaseEnded(useCase, state string) {
	if t != nil {
		t.casesEnded.WithLabelValues(useCase, state).Inc()
	}
}

// Call counts and times an attempt of a call; class is empty if it succeeded.
func (t *Telemetry) Call(system, operation, class string, attempt int, took time.Duration) {
	if t == nil {
		return
	}
	if class == "" {
		class = "ok"
	}
	t.calls.WithLabelValues(system, operation, class).Observe(took.Seconds())
	if attempt > 1 {
		t.retries.WithLabelValues(system, operation).Inc()
	}
}

// Effect counts what became of a write.
func (t *Telemetry) Effect(system, operation, state string) {
	if t != nil {
		t.effects.WithLabelValues(system, operation, state).Inc()
	}
}

// Entry counts a message.
func (t *Telemetry) Entry(source, outcome string) {
	if t != nil {
		t.entries.WithLabelValues(source, outcome).Inc()
	}
}

// Answer counts an answer of a person.
func (t *Telemetry) Answer(kind string) {
	if t != nil {
		t.answers.WithLabelValues(kind).Inc()
	}
}

// Standing is how things stand in the store, for all processes together.
type Standing struct {
	OpenCases map[string]int // by what they wait for: "" if for nothing
	Tasks     map[string]Queue
}

// Queue is how much work for people a queue holds.
type Queue struct {
	Open   int
	Oldest time.Time
}

// Watch adds how things stand, asked for whenever Prometheus looks. Every process tells the same: take the greatest.
func (t *Telemetry) Watch(look func(context.Context) (Standing, error)) {
	t.registry.MustRegister(standing{look})
}

type standing struct {
	look func(context.Context) (Standing, error)
}

// lookPatience bounds the look of one scrape.
const lookPatience = 5 * time.Second

var (
	openCases  = prometheus.NewDesc("crosswalk_cases_open", "Open cases by the kind of what they wait for; every process tells the same.", []string{"waiting_kind"}, nil)
	openTasks  = prometheus.NewDesc("crosswalk_tasks_open", "Open tasks by queue; every process tells the same.", []string{"queue"}, nil)
	oldestTask = prometheus.NewDesc("crosswalk_task_oldest_seconds", "Age of the oldest open task by queue; every process tells the same.", []string{"queue"}, nil)
)

// Describe names what is collected.
func (s standing) Describe(into chan<- *prometheus.Desc) {
	into <- openCases
	into <- openTasks
	into <- oldestTask
}

// Collect looks.
func (s standing) Collect(into chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), lookPatience)
	defer cancel()
	found, err := s.look(ctx)
	if err != nil {
		into <- prometheus.NewInvalidMetric(openCases, err)
		return
	}
	for kind, n := range found.OpenCases {
		if kind == "" {
			kind = "nothing"
		}
		into <- prometheus.MustNewConstMetric(openCases, prometheus.GaugeValue, float64(n), kind)
	}
	for name, queue := range found.Tasks {
		into <- prometheus.MustNewConstMetric(openTasks, prometheus.GaugeValue, float64(queue.Open), name)
		into <- prometheus.MustNewConstMetric(oldestTask, prometheus.GaugeValue, time.Since(queue.Oldest).Seconds(), name)
	}
}
