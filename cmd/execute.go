// Package cmd is the commands of wxbase besides serve: sim, edge, bill, secrets, import, doctor, install, update, health, backup, restore, standby and mcp, and Execute, which
// runs them all. Programs that embed package hooks can add them to their own.
package cmd

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"wxbase/internal/explain"
	"wxbase/internal/folder"

	"github.com/pocketbase/pocketbase"
	"github.com/spf13/cobra"
)

// Execute runs the app's commands and returns the error of the one that failed. PocketBase 0.39 drops it, so that a busy port or a
// failed migration would exit 0 and look like success to systemd.
func Execute(app *pocketbase.PocketBase) error {
	err := execute(app)
	return explain.Error(errors.Join(err, folder.GiveToOwner(app.DataDir())), app.DataDir())
}

func execute(app *pocketbase.PocketBase) error {
	root := app.RootCmd
	root.SetErr(os.Stderr)     // PocketBase 0.40 throws away what commands write there, such as the log of an edge
	root.InitDefaultHelpFlag() // else Find takes what comes after --help for its value
	root.InitDefaultVersionFlag()
	if root.PersistentFlags().Lookup("new") == nil { // a program of an embedder's
		root.PersistentFlags().Bool("new", false, "make a data folder where there is none (superuser)")
		_ = root.ParseFlags(os.Args[1:]) // cobra parses again and reports
	}
	found, _, err := root.Find(os.Args[1:])
	if err != nil {
		return err
	}
	root.SilenceErrors, root.SilenceUsage = true, true // the caller prints one line
	if needsNoDatabase(found) {
		return root.Execute()
	}
	failed := make(chan error, 1)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		keepFirst(failed, err)
		return err
	})
	if err := guardFlags(root); err != nil {
		return err
	}
	if !found.HasSubCommands() { // a group alone shows its help
		making, _ := root.PersistentFlags().GetBool("new")
		if err := folder.RefuseMissing(app.DataDir(), commandOf(found), making); err != nil {
			return err
		}
	}
	keepErrors(root, failed)
	if err := folder.Guard(app, commandOf(found)); err != nil {
		return err
	}
	if err := app.Execute(); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// commandOf names the command below the root that a found command belongs to; help and version touch no data and have none.
func commandOf(found *cobra.Command) string {
	if slices.ContainsFunc(os.Args[1:], func(arg string) bool { return slices.Contains([]string{"-h", "--help", "-v", "--version"}, arg) }) {
		return ""
	}
	for found.HasParent() && found.Parent().HasParent() {
		found = found.Parent()
	}
	return found.Name()
}

// keepErrors wraps every command so that its error, that of its arguments, or its panic, is not lost.
func keepErrors(c *cobra.Command, first chan<- error) {
	if c.HasParent() && c.HasSubCommands() && !c.Runnable() {
		c.RunE = refuseUnknown
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			if err != nil {
				keepFirst(first, err)
			}
			return err
		}
	}
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = fmt.Errorf("panic: %v", r)
				}
				keepFirst(first, err)
			}()
			return run(c, args)
		}
	}
	for _, sub := range c.Commands() {
		keepErrors(sub, first)
	}
}

func keepFirst(first chan<- error, err error) {
	select {
	case first <- err:
	default:
	}
}

// refuseUnknown is what a group of commands does when none of them is named: without, it would print its help and succeed at a typo.
func refuseUnknown(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath())
	}
	return c.Help()
}

// needsNoDatabase tells the commands that work without a data folder, or open one by themselves, and the subcommands of these.
func needsNoDatabase(command *cobra.Command) bool {
	for ; command != nil; command = command.Parent() {
		if slices.Contains([]string{"sim", "edge", "install", "update", "health", "restore", "standby", "mcp"}, command.Name()) {
			return true
		}
	}
	return false
}

// guardFlags refuses folders that are named and not there: a typo would start a shop without its rules, or without its pages.
func guardFlags(root *cobra.Command) error {
	for _, name := range []string{"hooksDir", "publicDir"} {
		flag := root.PersistentFlags().Lookup(name)
		if flag != nil && flag.Changed && !folder.Exists(flag.Value.String()) {
			return fmt.Errorf("--%s names %s, which is no folder: make it, or leave the flag out", name, flag.Value)
		}
	}
	return nil
}
