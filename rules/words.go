package rules

func wordFunctions() []*function { return nil }

func readable(m *machine, site *callNode, a []Value) (Value, *Error) { return Value{}, nil }
