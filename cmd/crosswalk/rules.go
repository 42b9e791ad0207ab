package main

import "github.com/spf13/cobra"

func rulesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rules",
		Short: "Explain decisions of rule tables, and try changed tables on recorded decisions",
		Example: `  crosswalk rules explain warranty --facts facts.json
  crosswalk rules explain --case CW-7K2M9QXR warranty
  crosswalk rules backtest warranty --from 2026-01-01`,
	}
	c.AddCommand(rulesExplainCommand(), rulesBacktestCommand())
	return c
}
