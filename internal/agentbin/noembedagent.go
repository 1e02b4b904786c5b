//go:build !embedagent

package agentbin

import "embed"

// embedded is empty: the agent is built when it is needed.
var embedded embed.FS //nolint:gochecknoglobals // stands for what the tag embedagent embeds
