// The features of nats-server that Heddle lacks. Settings name the feature that they ask for (`feature` in
// settings.ts); when Heddle gets one, its line here goes.

/**
 * `needed`: a server without it would not be the one that was asked for, so it does not start unless
 * --ignore-unsupported is given. `unneeded`: the setting is accepted, and the log says that it has no effect.
 */
export const UNSUPPORTED: ReadonlyMap<string, 'needed' | 'unneeded'> = new Map([
  ['gateways', 'needed'],
  ['domains of leaf nodes', 'unneeded'],
  ['MQTT', 'needed'],
  ['https proxies to leafnodes remotes', 'needed'],
  ['proxy_required of leafnodes', 'needed'],
  ['placeholders in denied subjects of leafnodes remotes', 'needed'],
  ['jetstream_cluster_migrate of leafnodes remotes', 'unneeded'],
  ['write deadlines of links between servers', 'unneeded'],
  ['settings of clusters', 'unneeded'],
  ['feature_flags', 'unneeded'],
  ['profiling pages', 'unneeded'],
])
