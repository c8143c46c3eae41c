package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/web"
)

// oidcSecret is the environment variable with the secret of the OIDC client: flags
// are seen by everybody on the machine.
const oidcSecret = "DUNNING_OIDC_SECRET"

// addOIDCFlags lets people sign in with an account that they have elsewhere.
func addOIDCFlags(f *pflag.FlagSet, c *web.OIDC) {
	f.StringVar(&c.Issuer, "oidc-issuer", "", "let people sign in by this OpenID Connect issuer, such as https://id.empresa.example; needs --public-url")
	f.StringVar(&c.ClientID, "oidc-client-id", "", "what the issuer calls this server; its secret is read from "+oidcSecret)
}

// oidcOf returns the configuration of sign-in by OIDC, nil where nothing of it is
// given; half of one is wrong usage.
func oidcOf(c web.OIDC, public string) (*web.OIDC, error) {
	c.Secret, c.Public = os.Getenv(oidcSecret), public
	if c.Issuer == "" && c.ClientID == "" {
		if c.Secret != "" {
			return nil, fmt.Errorf("%w: %s is set without --oidc-issuer and --oidc-client-id", data.ErrUsage, oidcSecret)
		}
		return nil, nil
	}
	return &c, c.Validate()
}

// reguaDesk returns the server's réguas for pages; nil where it keeps none.
func reguaDesk(server *serve.Server) web.Reguas {
	if desk := server.ReguaDesk(); desk != nil {
		return desk
	}
	return nil // an interface that holds no pointer
}
