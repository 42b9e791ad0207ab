package main

import "github.com/spf13/cobra"

func rulesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rules",
		Short: "Prove, test, compare and explain rule tables, and try changed ones on recorded decisions",
		Example: `  crosswalk rules analyze
  crosswalk rules test warranty --mutations
  crosswalk rules diff warranty
  crosswalk rules explain warranty --facts facts.json
  crosswalk rules explain --case CW-7K2M9QXR warranty
  crosswalk rules backtest warranty --from 2026-01-01`,
	}
	c.AddCommand(rulesAnalyzeCommand(), rulesTestCommand(), rulesDiffCommand(), rulesExplainCommand(), rulesBacktestCommand())
	return c
}
