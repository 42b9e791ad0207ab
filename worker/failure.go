package worker

import (
	"strings"

	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"crosswalk/contracts"
)

// failures converts errors like the SDK does, and takes words of customers out of the messages: an error of ours says
// class and operation, and everything else its type alone. What the words were travels in the details.
type failures struct{ converter.FailureConverter }

func failureConverter() converter.FailureConverter {
	return failures{temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: dataConverter()})}
}

// ErrorToFailure converts an error on its way to Temporal.
func (f failures) ErrorToFailure(err error) *failurepb.Failure {
	failure := f.FailureConverter.ErrorToFailure(err)
	for at := failure; at != nil; at = at.Cause {
		if info := at.GetApplicationFailureInfo(); info != nil && !speaksOurWords(info.Type, at.Message) {
			at.Message = strings.TrimSuffix("internal: "+info.Type, ": ")
		}
	}
	return failure
}

// speaksOurWords says whether a message can hold nothing of a customer: an error class of ours, a complaint of the SDK
// about the workflow's history, a bundle that is being loaded.
func speaksOurWords(kind, message string) bool {
	return contracts.Class(kind).Known() || strings.Contains(message, "[TMPRL") || strings.HasPrefix(message, "bundle ")
}
