package simcmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"wxbase/internal/sim"
)

// variable is one of the environment.
type variable struct{ name, value string }

// variables are the credentials under two sets of names: WX_* for any backend, WXBASE_* for wxbase itself; further mini programs and
// merchants are WX_APPID_2, WX_MCHID_2 and so on. NB! they hold private keys,
// which belong to the simulator and are worth nothing.
func variables(c sim.Config) []variable {
	list := append(variablesOfFirst(c), variable{"WX_APPIDS", joined(c.Apps, func(a sim.AppConfig) string { return a.AppID })},
		variable{"WX_MCHIDS", joined(c.Merchants, func(m sim.MerchantConfig) string { return m.MchID })})
	for i, app := range c.Apps[1:] {
		list = append(list, numbered(i+2, appVariables(app))...)
	}
	for i, m := range c.Merchants[1:] {
		list = append(list, numbered(i+2, merchantVariables(m))...)
	}
	return list
}

// numbered puts _2, _3 and so on behind the names.
func numbered(n int, list []variable) []variable {
	for i := range list {
		list[i].name += "_" + strconv.Itoa(n)
	}
	return list
}

func joined[T any](list []T, id func(T) string) string {
	ids := make([]string, len(list))
	for i, one := range list {
		ids[i] = id(one)
	}
	return strings.Join(ids, ",")
}

func appVariables(app sim.AppConfig) []variable {
	return []variable{
		{"WX_APPID", app.AppID},
		{"WX_SECRET", app.Secret},
		{"WX_PUSH_TOKEN", app.PushToken},
		{"WX_PUSH_AES_KEY", app.PushAESKey},
	}
}

func merchantVariables(m sim.MerchantConfig) []variable {
	return []variable{
		{"WX_MCHID", m.MchID},
		{"WX_MCH_SERIAL", m.CertSerial},
		{"WX_MCH_PRIVATE_KEY", m.PrivateKey},
		{"WX_MCH_CERTIFICATE", m.Certificate},
		{"WX_API_V3_KEY", m.APIV3Key},
		{"WX_API_V2_KEY", m.APIV2Key},
		{"WX_PAY_PUBLIC_KEY_ID", m.PublicKeyID},
		{"WX_PAY_PUBLIC_KEY", m.PublicKey},
		{"WX_PLATFORM_SERIAL", m.PlatformSerial},
		{"WX_PLATFORM_CERTIFICATE", m.PlatformCertificate},
	}
}

// variablesOfFirst are those of the first mini program and the first merchant, which most backends have only one of.
func variablesOfFirst(c sim.Config) []variable {
	app, m := c.Apps[0], c.Merchants[0]
	list := append([]variable{{"WX_API_BASE", c.APIBase}, {"WX_PAY_BASE", c.PayBase}}, appVariables(app)...)
	return append(append(list, merchantVariables(m)...), []variable{
		{"WXBASE_SIM_URL", c.APIBase},
		{"WXBASE_ALLOW_CUSTOM_BASE", "1"},
		{"WXBASE_API_BASE", c.APIBase},
		{"WXBASE_PAY_BASE", c.PayBase},
		{"WXBASE_APPID", app.AppID},
		{"WXBASE_APP_SECRET", app.Secret},
		{"WXBASE_PUSH_TOKEN", app.PushToken},
		{"WXBASE_PUSH_AES_KEY", app.PushAESKey},
		{"WXBASE_MCH_ID", m.MchID},
		{"WXBASE_MCH_SERIAL", m.CertSerial},
		{"WXBASE_MCH_PRIVATE_KEY", m.PrivateKey},
		{"WXBASE_MCH_CERTIFICATE", m.Certificate},
		{"WXBASE_APIV3_KEY", m.APIV3Key},
		{"WXBASE_APIV2_KEY", m.APIV2Key},
		{"WXBASE_PAY_PUBLIC_KEY_ID", m.PublicKeyID},
		{"WXBASE_PAY_PUBLIC_KEY", m.PublicKey},
	}...)
}

// envCommand prints them.
func envCommand(to func() client) *cobra.Command {
	var form string
	command := &cobra.Command{
		Use: "env", Short: "Prints the credentials for a backend's environment", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := to().config()
			if err != nil {
				return err
			}
			text, err := writeVariables(variables(config), form)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(command.OutOrStdout(), text)
			return err
		},
	}
	command.Flags().StringVarP(&form, "output", "o", "dotenv", "dotenv, json or shell")
	return command
}

// writeVariables writes them in a form.
func writeVariables(list []variable, form string) (string, error) {
	var out strings.Builder
	switch form {
	case "dotenv":
		for _, v := range list { // note: keys have lines; double quotes with \n are what every dotenv reads
			fmt.Fprintf(&out, "%s=\"%s\"\n", v.name, strings.NewReplacer("\\", `\\`, "\"", `\"`, "\n", `\n`).Replace(v.value))
		}
	case "shell":
		for _, v := range list {
			fmt.Fprintf(&out, "export %s='%s'\n", v.name, strings.ReplaceAll(v.value, "'", `'\''`))
		}
	case "json":
		object := make(map[string]string, len(list))
		for _, v := range list {
			object[v.name] = v.value
		}
		raw, err := json.MarshalIndent(object, "", "  ")
		return string(raw) + "\n", err
	default:
		return "", errors.New("-o must be dotenv, json or shell")
	}
	return out.String(), nil
}
