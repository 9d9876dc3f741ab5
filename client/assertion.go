package client

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// signingKey signs assertions (RFC 7523).
type signingKey struct {
	rsa      *rsa.PrivateKey
	id       string // of the key, or ""
	clientID string // of the key's owner, or "" if the file does not have it
}

// readKey reads a private key in PEM, or a Google service account's key file.
func readKey(text string) (*signingKey, error) {
	var file struct {
		Key      string `json:"private_key"`
		ID       string `json:"private_key_id"`
		ClientID string `json:"client_email"`
	}
	if strings.HasPrefix(text, "{") {
		if err := json.Unmarshal([]byte(text), &file); err != nil || file.Key == "" {
			return nil, errors.New("is no key file: a private key in PEM, or a JSON object with private_key, is needed")
		}
	} else {
		file.Key = text
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(file.Key))
	if err != nil {
		return nil, errors.New("is no RSA private key in PEM, nor a JSON object with one")
	}
	return &signingKey{rsa: key, id: file.ID, clientID: file.ClientID}, nil
}

// assertionLife is how long an assertion is valid. It is used at once; the margin
// is for clocks that differ.
const assertionLife = 5 * time.Minute

// sign makes an assertion with these claims. Without an issuer, it is the
// key's owner.
func (k *signingKey) sign(claims map[string]string, now time.Time) (string, error) {
	all := jwt.MapClaims{"iat": now.Unix(), "exp": now.Add(assertionLife).Unix()}
	for name, text := range claims {
		all[name] = text
	}
	if claims["iss"] == "" {
		all["iss"] = k.clientID
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, all)
	if k.id != "" {
		token.Header["kid"] = k.id
	}
	signed, err := token.SignedString(k.rsa)
	if err != nil {
		return "", fmt.Errorf("sign the assertion: %w", err)
	}
	return signed, nil
}
