#!/bin/sh
# Makes an authority, a certificate for the server and one for the user alice, in the folder DIR. For trials: a real
# authority keeps its key elsewhere.
#
#     sh examples/tls/certificates.sh DIR
set -e
cd "$1"
new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1-key.pem"; }
issue() { # NAME COMMON-NAME EXTENSIONS
  new_key "$1"
  openssl req -new -key "$1-key.pem" -subj "/CN=$2" -out "$1.csr"
  printf '%s\n' "$3" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30 -extfile "$1.ext" -out "$1.pem"
  rm "$1.csr" "$1.ext"
}
new_key ca
openssl req -x509 -new -key ca-key.pem -days 30 -subj "/CN=Example authority" -out ca.pem
issue server localhost "subjectAltName=DNS:localhost,IP:127.0.0.1"
issue alice alice "subjectAltName=email:alice@shop.example"
