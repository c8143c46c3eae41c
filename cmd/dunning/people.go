package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/accounts"
)

func newPeopleCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "people",
		Short: "Let people into the pages: invite, list, change roles, keep out",
		Long: `People open the pages of "dunning serve" with a login and a password that they
choose behind a one-time link. The link is shown once, when it is made; the database
keeps only its SHA-256. Changes hold at once, also for a server that runs.

The ledger knows people by their login: nobody approves the plan that he made. Give
the keys of the same person the login as their name.`,
		Example: `  dunning people invite --role manager --login ana@empresa.example --name "Ana Souza"
  dunning people list
  dunning people disable ana@empresa.example`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("%w: people needs invite, list, roles, disable, enable or logout; see --help", data.ErrUsage)
		},
	}
	cmd.AddCommand(newPeopleInviteCommand(a), newPeopleListCommand(a), newPeopleRolesCommand(a),
		newPeopleDisableCommand(a, "disable", "Keep a person out, at once", true),
		newPeopleDisableCommand(a, "enable", "Let a disabled person in again", false), newPeopleLogoutCommand(a))
	return cmd
}

// withPeople opens the database of the home, making both where needed.
func (a *app) withPeople(ctx context.Context, do func(*accounts.Store) error) error {
	if err := os.MkdirAll(a.home, 0o755); err != nil {
		return fmt.Errorf("%w: home %s: %w", data.ErrUsage, a.home, err)
	}
	people, err := accounts.Open(ctx, a.home, accounts.Config{})
	if err != nil {
		return err
	}
	defer people.Close()
	return do(people)
}

func newPeopleInviteCommand(a *app) *cobra.Command {
	var (
		in      accounts.Invitation
		roles   []string
		expires time.Duration
		base    string
	)
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Make a one-time link by which somebody chooses a password",
		Long: `Make a one-time link and show it, once. Without --login the person chooses one. A login
that somebody has already resets his password and leaves name and roles as they are.
Roles: scientist, manager, approver, dispatcher, auditor, admin.`,
		Example: `  dunning people invite --role manager --role approver --login ana@empresa.example --name "Ana Souza"
  dunning people invite --login ana@empresa.example            (she forgot her password)`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkPublic(base); err != nil {
				return err
			}
			for _, role := range roles {
				in.Roles = append(in.Roles, serve.Role(role))
			}
			return a.withPeople(cmd.Context(), func(people *accounts.Store) error {
				token, made, err := people.Invite(cmd.Context(), in, expires)
				if err != nil {
					return err
				}
				link := linkOf(base, token)
				if a.asJSON {
					return a.printJSON(struct {
						Link string `json:"link"`
						accounts.Invitation
					}{link, made})
				}
				fmt.Fprintln(a.stdout, link)
				fmt.Fprintf(a.stderr, "This is the only time the link is shown. It is good once, until %s.\n", made.ExpiresAt.Format(time.RFC3339))
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Login, "login", "", "what the person signs in with; empty lets the person choose")
	f.StringVar(&in.Name, "name", "", "the person's name; empty lets the person write it")
	f.StringArrayVar(&roles, "role", nil, "what the person may do; may be given again")
	f.DurationVar(&expires, "expires", accounts.InvitationLifetime, "how long the link is good")
	f.StringVar(&base, "url", "http://127.0.0.1:8080", "address of the server")
	return cmd
}

// linkOf is the address of a one-time link.
func linkOf(base, token string) string {
	return strings.TrimSuffix(base, "/") + "/convite/" + url.PathEscape(token)
}

// inviteFirst prints the first administrator's link while there is none.
func (a *app) inviteFirst(ctx context.Context, people *accounts.Store, base string) error {
	somebody, err := people.Anybody(ctx)
	if err != nil || somebody {
		return err
	}
	token, made, err := people.InviteFirst(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stderr, "Nobody may sign in yet. The first administrator opens this link, once, until %s:\n%s\n",
		made.ExpiresAt.Format(time.RFC3339), linkOf(base, token))
	return err
}

func newPeopleListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List everybody, without their passwords",
		Example: `  dunning people list --json`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withPeople(cmd.Context(), func(people *accounts.Store) error {
				list, err := people.People(cmd.Context())
				if err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(map[string]any{"people": list})
				}
				w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
				fmt.Fprintln(w, "LOGIN\tNAME\tROLES\tCREATED\tDISABLED")
				for _, p := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Login, p.Name, rolesText(p.Roles), when(&p.CreatedAt), when(p.DisabledAt))
				}
				return w.Flush()
			})
		},
	}
}

func rolesText(roles []serve.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ",")
}

// oneLogin refuses anything but one LOGIN.
func oneLogin(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: people %s takes one LOGIN; \"dunning people list\" shows them", data.ErrUsage, cmd.Name())
	}
	return nil
}

// showPerson prints a person after a change.
func (a *app) showPerson(p accounts.Person) error {
	if a.asJSON {
		return a.printJSON(p)
	}
	_, err := fmt.Fprintf(a.stdout, "%s (%s): %s, disabled %s\n", p.Login, p.Name, rolesText(p.Roles), when(p.DisabledAt))
	return err
}

func newPeopleRolesCommand(a *app) *cobra.Command {
	var roles []string
	cmd := &cobra.Command{
		Use:     "roles LOGIN",
		Short:   "Give a person other roles",
		Example: `  dunning people roles ana@empresa.example --role manager --role approver`,
		Args:    oneLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			given := make([]serve.Role, len(roles))
			for i, role := range roles {
				given[i] = serve.Role(role)
			}
			return a.withPeople(cmd.Context(), func(people *accounts.Store) error {
				p, err := people.SetRoles(cmd.Context(), args[0], given...)
				if err != nil {
					return err
				}
				return a.showPerson(p)
			})
		},
	}
	cmd.Flags().StringArrayVar(&roles, "role", nil, "what the person may do from now on; may be given again")
	return cmd
}

func newPeopleDisableCommand(a *app, name, short string, disabled bool) *cobra.Command {
	return &cobra.Command{
		Use:     name + " LOGIN",
		Short:   short,
		Example: "  dunning people " + name + " ana@empresa.example",
		Args:    oneLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withPeople(cmd.Context(), func(people *accounts.Store) error {
				p, err := people.Disable(cmd.Context(), args[0], disabled)
				if err != nil {
					return err
				}
				return a.showPerson(p)
			})
		},
	}
}

func newPeopleLogoutCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "logout LOGIN",
		Short:   "End all sessions of a person",
		Example: `  dunning people logout ana@empresa.example`,
		Args:    oneLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withPeople(cmd.Context(), func(people *accounts.Store) error {
				p, err := people.Person(cmd.Context(), args[0])
				ended := int64(0)
				if err == nil {
					ended, err = people.LeaveEverywhere(cmd.Context(), p.Login)
				}
				if err != nil {
					return err
				}
				if a.asJSON {
					return a.printJSON(map[string]any{"login": p.Login, "ended": ended})
				}
				_, err = fmt.Fprintf(a.stdout, "%s: %d sessions ended\n", p.Login, ended)
				return err
			})
		},
	}
}
