package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/desk"
)

func passwordCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "password",
		Short:   "Hash a password for roles.yaml (reads one line from standard input)",
		Example: "  echo 'correct horse battery staple' | crosswalk password",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			line, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n')
			line = strings.TrimRight(line, "\r\n")
			if len([]rune(line)) < 8 {
				return usageError("a password has at least 8 characters")
			}
			fmt.Fprintln(c.OutOrStdout(), desk.HashPassword(line))
			return nil
		},
	}
}
