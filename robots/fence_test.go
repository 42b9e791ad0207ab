package robots

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

func posted(address, form string) request {
	values, _ := url.ParseQuery(form)
	return request{method: "POST", address: address, form: values}
}

// TestNothingElseLetsTheCommitThrough holds that the request of a commit leaves once, and that neither looking nor a login
// nor a read of the same address changes that.
func TestNothingElseLetsTheCommitThrough(t *testing.T) {
	t.Parallel()
	const address = "https://erp.example/is.pl"
	f := newFence([]requestRule{{method: "POST", url: "*/is.pl"}})
	f.allow("erp.example", false)
	stopped := func(r request) bool {
		reason, commit := f.judge(r, false)
		return reason != "" && commit == nil
	}
	commit := posted(address, "action=Post")
	a := f.arm(requestRule{method: "POST", url: "*/is.pl", form: map[string][]string{"action": {"Post"}}}, nil, formats{}, nil, nil)
	for range 2 {
		reason, taken := f.judge(commit, true)
		require.Empty(t, reason)
		require.Nil(t, taken, "who looks takes nothing")
	}
	require.False(t, stopped(posted(address, "action=Update")))
	reason, taken := f.judge(commit, false)
	require.Empty(t, reason)
	require.Same(t, a, taken)
	require.True(t, stopped(commit))
	reason, _ = f.judge(commit, true)
	require.NotEmpty(t, reason)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	close(a.ended)
	left, again, err := f.disarm(ended, a)
	require.False(t, left)
	require.Equal(t, 1, again)
	require.NoError(t, err)
	for _, login := range []bool{false, true} {
		f.duringLogin(login)
		require.True(t, stopped(commit))
		require.True(t, stopped(request{method: "POST", address: address, unread: true}), "it may be the commit")
		require.False(t, stopped(posted(address, "action=Update")))
	}
}

func TestAReleaseThatDoesNotEndCountsAsLeft(t *testing.T) {
	t.Parallel()
	f := newFence(nil)
	a := f.arm(requestRule{}, nil, formats{}, nil, nil)
	a.taken = true
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	left, _, _ := f.disarm(ended, a)
	require.True(t, left)
}

func TestABodyThatCannotBeReadFitsNoForm(t *testing.T) {
	t.Parallel()
	target, _ := url.Parse("https://erp.example/x?action=find")
	rule := requestRule{url: "/x", form: map[string][]string{"action": {"find"}}}
	for name, c := range map[string]struct {
		content pausedContent
		fits    bool
	}{
		"no body":       {pausedContent{}, true},
		"a form":        {pausedContent{Headers: map[string]string{"content-type": "application/x-www-form-urlencoded"}, PostData: "a=b"}, true},
		"JSON":          {pausedContent{Headers: map[string]string{"content-type": "application/json"}, PostData: "{}"}, false},
		"no type":       {pausedContent{PostData: "a=b"}, false},
		"a body untold": {pausedContent{HasPostData: true}, false},
	} {
		c.content.URL, c.content.Method = target.String(), "POST"
		require.Equal(t, c.fits, rule.matches(c.content.request(), target), name)
	}
}

func TestAnEffectIsNoRead(t *testing.T) {
	t.Parallel()
	fixed := func(texts ...string) (all []words) {
		for _, text := range texts {
			all = append(all, words{constant: text})
		}
		return all
	}
	e := effect{method: "POST", url: "*/is.pl", form: map[string][]words{"action": fixed("update", "Post")}}
	for name, c := range map[string]struct {
		read    requestRule
		differs bool
	}{
		"the address alone":   {requestRule{url: "*/is.pl"}, false},
		"another address":     {requestRule{url: "*/ir.pl"}, true},
		"within the effect's": {requestRule{url: "/sql/is.pl"}, false},
		"other values":        {requestRule{url: "*/is.pl", form: map[string][]string{"action": {"update"}}}, true},
		"the same values":     {requestRule{url: "*/is.pl", form: map[string][]string{"action": {"update", "Post"}}}, false},
		"another field":       {requestRule{url: "*/is.pl", form: map[string][]string{"type": {"x"}}}, false},
	} {
		require.Equal(t, c.differs, e.differs(c.read), name)
	}
}

// getRobot is orderRobot for an application that saves by GET.
var getRobot = strings.NewReplacer("click: {button: Save}", "goto: '/save?reference=${key}'", "method: POST, url: /orders", "method: GET, url: /save").Replace(orderRobot)

func TestACommitThatIsAnAddress(t *testing.T) {
	t.Parallel()
	o, l := serveOrders(t), &ledger{}
	o.behave(func(m *manners) {
		m.intercept = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/save" {
				_, _ = w.Write([]byte("<p>Order 1 saved</p>"))
				o.keep(r)
			}
			return r.URL.Path == "/save"
		}
	})
	program := compileOrder(t, orderSystem+"get_may_write: true\nreads_by_get: [/orders, /orders/new]\n", getRobot)
	_, err := NewRunner(pool, nil).Run(t.Context(), program, orderCall(o, "k1", l))
	require.NoError(t, err)
	require.Equal(t, 1, o.count("k1"))
	require.Equal(t, 1, l.sent)
}

func TestEffectsThatPassAsReadsAreRefused(t *testing.T) {
	t.Parallel()
	contract, problems := contracts.Parse("shop.yaml", []byte(orderContract))
	require.NoError(t, problems.Err())
	for name, c := range map[string]struct{ system, robot, message string }{
		"a GET where all pass": {orderSystem, getRobot, "could be sent twice"},
		"among the GETs":       {orderSystem + "get_may_write: true\nreads_by_get: ['*/save*']\n", getRobot, "reads_by_get"},
		"among the POSTs":      {orderSystem + "reads_by_post: ['*/orders', /orders]\n", orderRobot, "reads_by_post"},
	} {
		system, problems := ParseSystem("test.system.yaml", []byte(c.system))
		require.NoError(t, problems.Err())
		robot, _ := Parse("order.yaml", []byte(c.robot))
		_, problems = Compile(robot, system, contract.Operation("order"))
		require.ErrorContains(t, problems.Err(), c.message, name)
	}
}

// TestAFieldThatIsNotSent holds that an effect can say so of a field, and thereby of two buttons at one address which is the read.
func TestAFieldThatIsNotSent(t *testing.T) {
	t.Parallel()
	searches := orderSystem + "reads_by_post: [{url: '*/orders', form: {find: Find}}]\n"
	contract, problems := contracts.Parse("shop.yaml", []byte(orderContract))
	require.NoError(t, problems.Err())
	system, problems := ParseSystem("test.system.yaml", []byte(searches))
	require.NoError(t, problems.Err())
	robot, _ := Parse("order.yaml", []byte(orderRobot))
	_, problems = Compile(robot, system, contract.Operation("order"))
	require.ErrorContains(t, problems.Err(), "as a read")

	program := compileOrder(t, searches, strings.Replace(orderRobot, "form: {reference: '${key}'}", "form: {reference: '${key}', find: []}", 1))
	rule, err := program.write.effect.rule(map[string]rules.Value{"key": rules.Text("k1")})
	require.NoError(t, err)
	address, _ := url.Parse("https://erp.example/orders")
	for sent, fits := range map[string]bool{"reference=k1&save=Save": true, "reference=k1": true, "reference=k1&find=Find": false, "reference=k1&find=": false, "find=Find": false} {
		form, _ := url.ParseQuery(sent)
		require.Equal(t, fits, rule.matches(request{method: "POST", address: address.String(), form: form}, address), sent)
	}
}

// TestWhichFieldIsNotDeclared holds that a request to a declared address says which of its fields is not as it was declared.
func TestWhichFieldIsNotDeclared(t *testing.T) {
	t.Parallel()
	const address = "https://erp.example/order"
	f := newFence([]requestRule{{method: "POST", url: "*/order", form: map[string][]string{"step": {"2"}, "remark": {""}}}})
	f.allow("erp.example:443", true)
	post := func(sent string) string {
		form, err := url.ParseQuery(sent)
		require.NoError(t, err)
		reason, _ := f.judge(request{method: "POST", address: address, form: form}, true)
		return reason
	}
	require.Empty(t, post("step=2&remark=&order=7"))
	require.Equal(t, undeclared+`, as its field "remark" does not hold what reads_by_post declares for this address`, post("step=2&remark=urgent"))
	f.arm(requestRule{method: "POST", url: "*/order", form: map[string][]string{"step": {"3"}, "reference": {"k1"}}}, nil, formats{}, nil, nil)
	require.Equal(t, undeclared+`, as its field "reference" does not hold what the effect declares`, post("step=3&reference=k2"))
	reason, _ := f.judge(request{method: "POST", address: "https://erp.example/other"}, true)
	require.Equal(t, undeclared, reason)
}

// TestOnlyTheApplicationRefuses holds that an error of the robot's own never counts as the application's no.
func TestOnlyTheApplicationRefuses(t *testing.T) {
	t.Parallel()
	own := contracts.NewError(contracts.Validation, "", "the field holds something else")
	require.False(t, refusal(own))
	require.True(t, refusal(byRule{own}))
	require.False(t, refusal(byRule{contracts.NewError(contracts.Unavailable, "", "maintenance")}))
	require.Equal(t, contracts.Validation, contracts.ClassOf(byRule{own}))
}

func TestAddressesAreShownWithoutSecrets(t *testing.T) {
	t.Parallel()
	for address, shown := range map[string]string{
		"https://erp.example/a?token=1": `"https://erp.example/a"`, "https://ada:pass@erp.example/a?b": `"https://erp.example/a"`, "https://ada@x:p@erp.example": `"https://erp.example"`,
		"https://erp.example/a@b": `"https://erp.example/a@b"`, "/orders@home": `"/orders@home"`,
	} {
		require.Equal(t, shown, withoutQuery(address), address)
	}
}
