// Where Heddle tells a configuration file differently on purpose. The reasons stand in docs/compatibility.md, too.

export interface Agreed {
  readonly ours: { readonly code?: number; readonly stderr?: string }
  readonly why: string
}

const PLACE = 'Heddle tells the place, which nats-server leaves out'
const ORDER = 'nats-server looks at keys in random order, Heddle in that of the file'

/** Text for stderr, with what fails and an empty line. */
const refused = (text: string) => ({ stderr: `nats-server: ${text}\n\n` })

export const AGREED: ReadonlyMap<string, Agreed> = new Map<string, Agreed>([
  [
    'bad/account-jetstream.conf',
    {
      ours: refused("bad/account-jetstream.conf:1:15: Expected 'enabled' or 'disabled' for string value, got 'maybe'"),
      why: PLACE,
    },
  ],
  [
    'bad/gateway-gateways.conf',
    {
      ours: refused('bad/gateway-gateways.conf:1:10: Expected gateways field to be an array, got int64'),
      why: PLACE,
    },
  ],
  [
    'bad/import-service-cycle.conf',
    {
      ours: refused('bad/import-service-cycle.conf:1:0: Error adding service import "a": import forms a cycle'),
      why: ORDER,
    },
  ],
  [
    'bad/store-dir-twice.conf',
    { ours: refused("bad/store-dir-twice.conf:2:13: Duplicate 'store_dir' configuration"), why: ORDER },
  ],
  [
    'bad/nkey-and-user.conf',
    { ours: refused('bad/nkey-and-user.conf:1:90: Nkey users do not take usernames or passwords'), why: ORDER },
  ],
  [
    'bad/account-users-duplicate.conf',
    { ours: refused('bad/account-users-duplicate.conf:2:5: Duplicate user "a" detected'), why: ORDER },
  ],
])
