package rules

// explainWork is what an explanation may do: it looks at every row, and decides again for each near miss.
var explainWork = work{steps: 1_000_000, bytes: 32 << 20}

// explainVersion explains the version that is in force on the business date.
func (t *Table) explainVersion(facts Value) (*Explanation, error) {
	left := decisionWork
	version, err := t.versionFor(facts, &left)
	if err != nil {
		return &Explanation{Table: t.Name, Title: t.Title, Hash: t.Hash, FactsHash: facts.Hash(), Decided: []string{}, Error: err.Error(),
			Text: "No decision: " + err.Error(), Inputs: []ExplainedInput{}, Rows: []ExplainedRow{}, NearMisses: []NearMiss{}}, nil
	}
	e, err := version.Explain(version.Facts.Project(facts))
	if err != nil {
		return nil, err
	}
	e.Hash, e.Version = t.Hash, version.file
	return e, nil
}

// explainChain explains each table of a chain with the facts that it was given.
func (t *Table) explainChain(facts Value) (*Explanation, error) {
	e := &Explanation{Table: t.Name, Title: t.Title, Hash: t.Hash, FactsHash: facts.Hash(), Decided: []string{},
		Inputs: []ExplainedInput{}, Rows: []ExplainedRow{}, NearMisses: []NearMiss{}}
	left := decisionWork
	given := []Value{}
	made, err := t.chainOver(facts, &left, 0, &given)
	if err != nil {
		e.Error, e.Text = err.Error(), "No decision: "+err.Error()
	} else {
		e.Decided, e.Why, e.Outputs, e.Text = []string{made.Row}, made.Why, PlainValue{made.Outputs}, "Decided by "+made.Row+": "+outputWords(made.Outputs)
	}
	for i, of := range given {
		part, err := t.steps[i].table.Explain(of)
		if err != nil {
			return nil, err
		}
		e.Parts = append(e.Parts, part)
	}
	return e, nil
}
