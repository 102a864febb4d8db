// Command wxbase is the whole backend of a WeChat mini program in one executable: PocketBase with its dashboard and
// REST API, login, payment, codes and realtime rooms for mini programs, and a simulated WeChat for a laptop.
//
//	wxbase serve --sim     everything, with a local WeChat: no AppID, no merchant
//	wxbase serve           with the real WeChat; it says what is still to be configured
//	wxbase sim             the simulated WeChat alone, for any backend
//	wxbase edge            more processes for realtime rooms, over Redis
//
// This file only connects the parts. Package hooks does the work, and other PocketBase programs can embed it.
package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pocketbase/pocketbase"
	pbcmd "github.com/pocketbase/pocketbase/cmd"
	"github.com/pocketbase/pocketbase/plugins/migratecmd"

	"wxbase/cmd"
	"wxbase/hooks"
	"wxbase/simulated"
)

// version is set by the linker.
var version = "dev"

//go:embed all:pb_public miniprogram/sdk/dist
var files embed.FS

func main() {
	hooks.TuneMemory(os.Getenv)
	app := pocketbase.NewWithConfig(pocketbase.Config{
		DBConnect: hooks.Connect, DefaultEncryptionEnv: "PB_ENCRYPTION_KEY", HideStartBanner: true,
	})
	app.RootCmd.Use, app.RootCmd.Short, app.RootCmd.Version = "wxbase", "The backend of a WeChat mini program", version
	config := hooks.Config{WeChat: simulated.WeChat()}
	flags := app.RootCmd.PersistentFlags()
	flags.BoolVar(&config.Sim, "sim", false, "start the simulated WeChat too, and use it (serve)")
	flags.StringVar(&config.SimHTTP, "simHttp", "127.0.0.1:8091", "where the simulated WeChat listens (serve --sim)")
	flags.BoolVar(&config.SimOpen, "simOpen", false, "let other machines reach the simulated WeChat, and pay without money (serve --sim, sim)")
	flags.Bool("new", false, "make a data folder where there is none (superuser)")
	flags.StringVar(&config.DemoEmail, "demoEmail", "demo@example.com", "superuser made for the demo (serve --sim)")
	flags.StringVar(&config.DemoPassword, "demoPassword", "", "and the password; made up when empty (serve --sim)")
	flags.StringVar(&config.RedisURL, "redis", "", "Redis that joins this process to its edges (serve; WXBASE_REDIS_URL keeps a password better)")
	flags.StringVar(&config.PublicDir, "publicDir", filepath.Join(app.DataDir(), "../pb_public"), "folder served at / (without --sim)")
	hooksDir := flags.String("hooksDir", "", "folder of JavaScript hooks (pb_hooks beside the data folder when empty)")
	_ = app.RootCmd.ParseFlags(os.Args[1:]) // cobra parses again and reports

	var err error
	if config.Demo, err = fs.Sub(files, "pb_public"); err != nil {
		exit(err)
	}
	if config.SDK, err = fs.Sub(files, "miniprogram/sdk/dist"); err != nil {
		exit(err)
	}
	migratecmd.MustRegister(app, app.RootCmd, migratecmd.Config{TemplateLang: migratecmd.TemplateLangGo, Dir: "migrations"})
	wx, err := hooks.Register(app, config)
	if err != nil {
		exit(err)
	}
	if err := wx.LoadScripts(*hooksDir); err != nil {
		exit(err)
	}
	app.RootCmd.AddCommand(
		pbcmd.NewSuperuserCommand(app), pbcmd.NewServeCommand(app, false), cmd.NewSimCommand(app.DataDir), cmd.NewEdgeCommand(),
		cmd.NewBillCommand(wx), cmd.NewSecretsCommand(wx), cmd.NewDoctorCommand(wx), cmd.NewImportCommand(app),
		cmd.NewInstallCommand(), cmd.NewUpdateCommand(app.DataDir), cmd.NewHealthCommand(app.DataDir), cmd.NewMCPCommand(app.DataDir, version),
		cmd.NewBackupCommand(app), cmd.NewRestoreCommand(app.DataDir), cmd.NewStandbyCommand(app.DataDir),
	)
	exit(cmd.Execute(app))
}

// exit ends the process; a command that fails exits non-zero.
func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "wxbase:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
