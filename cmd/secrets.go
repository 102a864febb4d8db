package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"wxbase/hooks"
)

// NewSecretsCommand makes `wxbase secrets rotate`: a new key, and everything that is stored sealed with it.
func NewSecretsCommand(wx *hooks.Plugin) *cobra.Command {
	command := &cobra.Command{Use: "secrets", Short: "Changes the key that protects stored secrets"}
	command.AddCommand(&cobra.Command{
		Use:   "rotate",
		Short: "Seals all stored secrets with a new key; the server must be stopped",
		Long: `Seals all stored secrets with a new key, in one step that a kill cannot halve. The server must be stopped.

Without WXBASE_SECRET_KEY a new key file is made. With it everything is sealed with its value; the value before it is
expected in WXBASE_SECRET_KEY_OLD, or in the key file. A start of the server with the same variables does the same.`,
		Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			done, err := wx.RotateSecrets()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), done)
			return err
		},
	})
	return command
}
