//go:build embedagent

package agentbin

import "embed"

// embedded holds the agents that hack/agent.sh built, one per architecture.
//
//go:embed embedded/*.gz
var embedded embed.FS
