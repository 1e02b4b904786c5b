package kind

import "fmt"

// Doors lead into the nodes' containers; kubectl is on the control plane.
func (c *kindCluster) Doors([]string) []string {
	list := []string{fmt.Sprintf("docker exec -it %s-control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf get pods -A -o wide", c.parts.name)}
	for _, n := range c.Nodes() {
		list = append(list, fmt.Sprintf("docker exec -it %s bash", n.Name))
	}
	return list
}
