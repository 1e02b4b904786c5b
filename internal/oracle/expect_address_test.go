package oracle

func blockCases() []semanticsCase {
	in := func(peers string) string {
		return "spec: {podSelector: {}, ingress: [{from: [" + peers + "]}]}"
	}
	out := func(peers string) string {
		return "spec: {policyTypes: [Egress], egress: [{to: [" + peers + "]}]}"
	}
	return []semanticsCase{
		{name: "a block lets one host in", policies: in(`{ipBlock: {cidr: 192.0.2.1/32}}`), flows: `
			allow: external -> prod/db:80/TCP
			deny: external/2 -> prod/db:80/TCP
			deny: external -> prod/db:80/TCP over ipv6
			deny: other/db -> prod/db:80/TCP
			deny: other/db -> prod/db:80/TCP via clusterIP
			deny: other/db -> prod/db:80/TCP over ipv6`},
		{name: "a block of the other family", policies: in(`{ipBlock: {cidr: "2001:db8::/64"}}`), flows: `
			deny: external -> prod/db:80/TCP
			allow: external -> prod/db:80/TCP over ipv6
			deny: other/db -> prod/db:80/TCP
			deny: other/db -> prod/db:80/TCP over ipv6`},
		{name: "several excepts", policies: out(`{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.2/32, 192.0.2.128/25]}}`), flows: `
			allow: prod/db -> external:80/TCP
			deny: prod/db -> external/2:80/TCP`},
		{name: "except is not a deny: another peer", policies: out(`{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.0/25]}}, {ipBlock: {cidr: 192.0.2.2/32}}`), flows: `
			deny: prod/db -> external:80/TCP
			allow: prod/db -> external/2:80/TCP`},
		{name: "except is not a deny: another policy", policies: out(`{ipBlock: {cidr: 0.0.0.0/0, except: [192.0.2.0/24]}}`) + "\n---\n" + out(`{ipBlock: {cidr: 192.0.2.1/32}}`), flows: `
			allow: prod/db -> external:80/TCP
			deny: prod/db -> external/2:80/TCP`},
		{name: "except is not a deny: a selector", policies: in(`{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.0.0/16]}}, {podSelector: {}}`), flows: `
			allow: prod/web -> prod/db:80/TCP
			deny: other/db -> prod/db:80/TCP
			allow: external -> prod/db:80/TCP`},
		{name: "a block and a port", policies: `spec: {policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}]}]}`, flows: `
			allow: prod/db -> external:443/TCP
			deny: prod/db -> external:80/TCP
			deny: prod/db -> other/db:80/TCP
			undefined: prod/db -> other/db:443/TCP
			deny: prod/db -> dns:53/UDP via clusterIP`},
		{name: "pods in a block are contested", policies: in(`{ipBlock: {cidr: 0.0.0.0/0}}`), flows: `
			undefined: other/db -> prod/db:80/TCP
			undefined: other/db -> prod/db:80/TCP via clusterIP
			deny: other/db -> prod/db:80/TCP over ipv6
			allow: external -> prod/db:80/TCP`},
		{name: "a pod outside the block is not", policies: in(`{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.2.4/32]}}`), flows: `
			deny: other/db -> prod/db:80/TCP
			undefined: other/bare -> prod/db:80/TCP`},
		{name: "contested, taken literally", literal: true, policies: in(`{ipBlock: {cidr: 10.244.0.0/16, except: [10.244.2.4/32]}}`), flows: `
			deny: other/db -> prod/db:80/TCP
			allow: other/bare -> prod/db:80/TCP
			undefined: other/bare -> prod/db:80/TCP via clusterIP
			deny: other/bare -> prod/db:80/TCP over ipv6
			deny: external -> prod/db:80/TCP`},
		{name: "a Service's own address may count", policies: out(`{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.0.0/16]}}`), flows: `
			deny: prod/db -> other/db:80/TCP
			undefined: prod/db -> other/db:80/TCP via clusterIP
			deny: prod/db -> other/db:80/TCP via clusterIP over ipv6`},
		{name: "a block that may hold a Service's address", policies: out(`{ipBlock: {cidr: 203.0.113.0/24}}`), flows: `
			deny: prod/db -> other/db:80/TCP
			undefined: prod/db -> other/db:80/TCP via clusterIP
			undefined: prod/db -> dns:53/UDP via clusterIP`},
		{name: "a block among the pods holds no Service's address", policies: out(`{ipBlock: {cidr: 10.244.2.5/32}}`), flows: `
			deny: prod/db -> other/db:80/TCP via clusterIP
			undefined: prod/db -> other/bare:80/TCP via clusterIP`},
		{name: "a block among the external hosts is for nobody else", policies: out(`{ipBlock: {cidr: 192.0.2.0/24}}`), flows: `
			deny: prod/db -> dns:53/UDP via clusterIP
			deny: prod/db -> other/db:80/TCP via clusterIP`},
		{name: "a masqueraded source may count", policies: in(`{ipBlock: {cidr: 198.51.100.0/24}}`), flows: `
			deny: other/db -> prod/db:80/TCP
			undefined: other/db -> prod/db:80/TCP via clusterIP`},
		{name: "denied at one end, open at the other", policies: in(`{ipBlock: {cidr: 0.0.0.0/0}}`) + "\n---\n{metadata: {namespace: other}, spec: {policyTypes: [Egress]}}", flows: `
			deny: other/db -> prod/db:80/TCP
			undefined: prod/web -> prod/db:80/TCP`},
	}
}

func openCases() []semanticsCase {
	return []semanticsCase{
		{name: "a pod with itself", policies: `spec: {policyTypes: [Ingress, Egress]}`, flows: `
			undefined: prod/db -> prod/db:80/TCP
			undefined: other/db -> other/db:80/TCP via clusterIP`},
		{name: "nodes and a pod isolated for ingress", policies: `spec: {podSelector: {}}`, flows: `
			allow: node/1 -> prod/db:80/TCP
			undefined: node/2 -> prod/db:80/TCP
			allow: node/1 -> other/db:80/TCP`},
		{name: "a rule without from admits every node", policies: `spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}`, flows: `
			allow: node/1 -> prod/db:81/TCP
			allow: node/2 -> prod/db:80/TCP
			undefined: node/2 -> prod/db:81/TCP`},
		{name: "a block never settles a node", policies: `spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 198.51.100.2/32}}]}]}`, flows: `
			allow: node/1 -> prod/db:80/TCP
			undefined: node/2 -> prod/db:80/TCP`},
		{name: "isolated for egress, to nodes", policies: `spec: {policyTypes: [Egress]}`, flows: `
			undefined: prod/db -> node/1:80/TCP
			deny: prod/db -> node/2:80/TCP`},
		{name: "a rule without to admits nodes", policies: `spec: {policyTypes: [Egress], egress: [{ports: [{port: 80}]}]}`, flows: `
			allow: prod/db -> node/1:80/TCP
			allow: prod/db -> node/2:80/TCP
			undefined: prod/db -> node/1:81/TCP
			deny: prod/db -> node/2:81/TCP`},
		{name: "a block that holds nodes", policies: `spec: {policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 198.51.100.0/24, except: [198.51.100.3/32]}}]}]}`, flows: `
			undefined: prod/db -> node/1:80/TCP
			undefined: prod/db -> node/2:80/TCP
			deny: prod/db -> node/2:80/TCP over ipv6
			deny: prod/db -> external:80/TCP`},
		{name: "selectors never admit a node", policies: `spec: {policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}]}]}`, flows: `
			deny: prod/db -> node/2:80/TCP
			undefined: prod/db -> node/1:80/TCP`},
		{name: "flows that cannot be", flows: `
			unknown: prod/nobody -> prod/db:80/TCP
			unknown: prod/db -> external/3:80/TCP
			unknown: dns -> prod/db:80/TCP
			unknown: external -> prod/db:80/TCP via clusterIP`},
	}
}
