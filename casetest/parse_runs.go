package casetest

import (
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// runAnswers reads what comes of something that a step runs, without its being run.
func (r *reader) runAnswers(runs *source.Node, name string) []*answer {
	of, known := r.runs[name]
	if !known {
		runs.KeyNode(name).Errorf(source.DidYouMean(name, sortedKeys(r.runs)), "no step runs %q", name)
		return nil
	}
	return answerList(runs.Get(name), func(item *source.Node) *answer { return r.runAnswer(item, name, of) })
}

func (r *reader) runAnswer(n *source.Node, name string, of runnable) *answer {
	a := &answer{at: n}
	fields := n.Fields(runShape)
	if n.Kind() != source.Map {
		return a
	}
	env := r.fitting(a, fields, of.input)
	a.after = fields["after"].Duration()
	gives, fails := fields["gives"], fields["fails"]
	switch {
	case gives.Exists() && fails.Exists():
		fails.Errorf("write two answers, the first with times: 1", "an answer gives something or fails, not both")
	case fails.Exists():
		r.runFailure(a, fields, of)
	case gives.Exists() && of.result == nil:
		gives.Errorf("remove it", "%s gives nothing", name)
	case gives.Exists():
		a.gives = rules.CompileTemplate(gives, env, r.types.written(of.result), rules.Options{})
	case of.useCase:
		n.Errorf("write gives: {outcome: done}, or fails: declined", "the answer says nothing")
	case of.result != nil:
		n.Errorf("write gives: and what it gives, or fails: not_found", "the answer says nothing")
	}
	return a
}

func (r *reader) runFailure(a *answer, fields map[string]*source.Node, of runnable) {
	fails := fields["fails"]
	a.fails = contracts.Class(fails.OneOf(contracts.ClassNames()...))
	a.says(fields["message"])
	if of.useCase && a.fails.Known() && a.fails != contracts.Declined {
		fails.Errorf("write fails: declined, or gives: with its outcome", "a case ends or is cancelled: it never fails with %s", a.fails)
	}
}

// cancelling reads who cancels the case, and when. Nothing at all stands for nobody: a test may take back what its file
// says.
func (r *reader) cancelling(n *source.Node) *cancelling {
	if n.Kind() == source.Null {
		return nil
	}
	fields := n.Fields(cancelShape)
	c := &cancelling{after: fields["after"].Duration(), undo: true, by: "operator"}
	if undo := fields["undo"]; undo.Exists() {
		c.undo = undo.Bool()
	}
	if by := fields["by"]; by.Exists() {
		c.by = by.Text()
	}
	return c
}

// runsOf reads what must have been run, in whatever order, and nothing else.
func (r *reader) runsOf(n *source.Node, env *rules.Environment) *effectList {
	list := &effectList{at: n, anyOrder: true}
	for _, item := range n.List() {
		key := onlyName(item)
		if key == nil {
			item.Errorf("write for example - ScoreCompany: {name: Kettles Ltd}", "expected one name of what is run, with its input")
			continue
		}
		e := effectResult{at: item, operation: key.Text()}
		of, known := r.runs[e.operation]
		if !known {
			key.Errorf(source.DidYouMean(e.operation, sortedKeys(r.runs)), "no step runs %q", e.operation)
			continue
		}
		if item.Kind() == source.Map {
			e.input = r.expect(item.Get(e.operation), of.input, env)
		}
		list.list = append(list.list, e)
	}
	return list
}
