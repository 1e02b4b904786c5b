package cni_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// apiServer is the part of an API server that an installation talks to: discovery,
// server-side apply, and definitions of kinds that are served only a while after
// they were made. It refuses kinds that it does not serve, and objects in namespaces
// that do not exist, as a real one does.
type apiServer struct {
	*httptest.Server

	mu      sync.Mutex
	objects map[string]*unstructured.Unstructured // by path
	applied []string                              // in order
	asked   map[string]int                        // how often a definition was asked for
	busy    int                                   // how many requests it still cannot answer
}

// kinds that it serves from the start, by group and version.
var kinds = map[string][]metav1.APIResource{
	"v1": {
		{Name: "nodes", Kind: "Node"}, {Name: "namespaces", Kind: "Namespace"},
		{Name: "serviceaccounts", Kind: "ServiceAccount", Namespaced: true}, {Name: "configmaps", Kind: "ConfigMap", Namespaced: true},
		{Name: "secrets", Kind: "Secret", Namespaced: true}, {Name: "services", Kind: "Service", Namespaced: true},
	},
	"apps/v1":                      {{Name: "daemonsets", Kind: "DaemonSet", Namespaced: true}, {Name: "deployments", Kind: "Deployment", Namespaced: true}},
	"rbac.authorization.k8s.io/v1": {{Name: "clusterroles", Kind: "ClusterRole"}, {Name: "clusterrolebindings", Kind: "ClusterRoleBinding"}, {Name: "roles", Kind: "Role", Namespaced: true}, {Name: "rolebindings", Kind: "RoleBinding", Namespaced: true}},
	"apiextensions.k8s.io/v1":      {{Name: "customresourcedefinitions", Kind: "CustomResourceDefinition"}},
	"policy/v1":                    {{Name: "poddisruptionbudgets", Kind: "PodDisruptionBudget", Namespaced: true}},
}

func newAPIServer(t *testing.T, podCIDRs ...string) *apiServer {
	t.Helper()
	s := &apiServer{objects: map[string]*unstructured.Unstructured{}, asked: map[string]int{}}
	for _, ns := range []string{"default", "kube-system"} {
		s.put("/api/v1/namespaces/"+ns, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+ns+"}")
	}
	s.put("/api/v1/nodes/one", "apiVersion: v1\nkind: Node\nmetadata: {name: one}\nspec: {podCIDRs: ['"+strings.Join(podCIDRs, "','")+"']}")
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *apiServer) config() *rest.Config { return &rest.Config{Host: s.URL} }

func (s *apiServer) put(path, text string) {
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		panic(err)
	}
	s.objects[path] = o
}

// object returns what was applied, nil where nothing was.
func (s *apiServer) object(path string) *unstructured.Unstructured {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[path]
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Method == http.MethodPatch && s.busy > 0:
		s.busy--
		refuse(w, http.StatusServiceUnavailable, "busy")
	case r.Method == http.MethodGet && s.discovery(w, r.URL.Path):
	case r.Method == http.MethodGet:
		s.get(w, r.URL.Path)
	case r.Method == http.MethodPatch && r.Header.Get("Content-Type") == "application/apply-patch+yaml" && r.URL.Query().Get("fieldManager") == "cniproof":
		s.apply(w, r, r.URL.Path)
	default:
		refuse(w, http.StatusMethodNotAllowed, r.Method+" "+r.Header.Get("Content-Type"))
	}
}

func (s *apiServer) discovery(w http.ResponseWriter, path string) bool {
	switch path {
	case "/version":
		answer(w, version.Info{Major: "1", Minor: "36", GitVersion: "v1.36.3"})
		return true
	case "/api":
		answer(w, metav1.APIVersions{Versions: []string{"v1"}})
		return true
	case "/apis":
		var list metav1.APIGroupList
		for gv := range s.served() {
			if group, v, ok := strings.Cut(gv, "/"); ok {
				version := metav1.GroupVersionForDiscovery{GroupVersion: gv, Version: v}
				list.Groups = append(list.Groups, metav1.APIGroup{Name: group, Versions: []metav1.GroupVersionForDiscovery{version}, PreferredVersion: version})
			}
		}
		answer(w, list)
		return true
	}
	gv := strings.TrimPrefix(strings.TrimPrefix(path, "/apis/"), "/api/")
	resources, ok := s.served()[gv]
	if ok {
		answer(w, metav1.APIResourceList{GroupVersion: gv, APIResources: resources})
	}
	return ok
}

// served is what discovery lists now: definitions count once they are established.
func (s *apiServer) served() map[string][]metav1.APIResource {
	all := map[string][]metav1.APIResource{}
	for gv, list := range kinds {
		all[gv] = slices.Clone(list)
	}
	for _, o := range s.objects {
		if o.GetKind() != "CustomResourceDefinition" || s.asked[o.GetName()] < 2 {
			continue
		}
		field := func(path ...string) string {
			text, _, _ := unstructured.NestedString(o.Object, append([]string{"spec"}, path...)...)
			return text
		}
		gv := field("group") + "/v1"
		all[gv] = append(all[gv], metav1.APIResource{Name: field("names", "plural"), Kind: field("names", "kind"), Namespaced: field("scope") == "Namespaced"})
	}
	return all
}

func (s *apiServer) get(w http.ResponseWriter, path string) {
	if o, ok := s.objects[path]; ok {
		if o.GetKind() == "CustomResourceDefinition" {
			if s.asked[o.GetName()]++; s.asked[o.GetName()] >= 2 {
				o.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": "True"}}}
			}
		}
		answer(w, o)
		return
	}
	list := unstructured.UnstructuredList{Object: map[string]any{}}
	for at, o := range s.objects {
		if at[:strings.LastIndex(at, "/")] == path {
			list.Items = append(list.Items, *o)
			list.SetKind(o.GetKind() + "List")
			list.SetAPIVersion(o.GetAPIVersion())
		}
	}
	if len(list.Items) == 0 {
		refuse(w, http.StatusNotFound, path)
		return
	}
	answer(w, &list)
}

func (s *apiServer) apply(w http.ResponseWriter, r *http.Request, path string) {
	text, err := io.ReadAll(r.Body)
	o := &unstructured.Unstructured{}
	if err != nil || yaml.Unmarshal(text, &o.Object) != nil {
		refuse(w, http.StatusBadRequest, "not an object")
		return
	}
	collection := path[:strings.LastIndex(path, "/")]
	at := collection + "/" + o.GetName()
	if ns := o.GetNamespace(); ns != "" && s.objects["/api/v1/namespaces/"+ns] == nil {
		refuse(w, http.StatusNotFound, "namespace "+ns)
		return
	}
	resource := collection[strings.LastIndex(collection, "/")+1:]
	if !slices.ContainsFunc(s.served()[o.GetAPIVersion()], func(known metav1.APIResource) bool { return known.Name == resource }) {
		refuse(w, http.StatusNotFound, "resource "+resource)
		return
	}
	s.objects[at] = o
	s.applied = append(s.applied, strings.ToLower(o.GetKind())+" "+o.GetName())
	answer(w, o)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, code int, message string) {
	reason := map[int]metav1.StatusReason{
		http.StatusNotFound: metav1.StatusReasonNotFound, http.StatusServiceUnavailable: metav1.StatusReasonServiceUnavailable,
	}[code]
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message})
}
