package existing

import (
	"maps"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// userWithout is a client of a user who may do everything but what is listed, as
// "verb resource/subresource".
func userWithout(list ...string) *fake.Clientset {
	denied := strings.Join(list, "\n")
	c := &fake.Clientset{}
	c.AddReactor("create", "selfsubjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview).DeepCopy()
		a := review.Spec.ResourceAttributes
		asked := strings.TrimSuffix(a.Verb+" "+a.Resource+"/"+a.Subresource, "/")
		review.Status.Allowed = !strings.Contains("\n"+denied+"\n", "\n"+asked+"\n")
		return true, review, nil
	})
	return c
}

func TestMissingRightsAreAllNamed(t *testing.T) {
	if err := checkRights(t.Context(), userWithout("patch pods/status")); err != nil {
		t.Errorf("a right that only some scenarios need: %v", err)
	}
	err := checkRights(t.Context(), userWithout("watch pods", "create pods/exec"))
	if want := "this user may not create pods/exec, watch pods ("; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestLackingRightsAreLackingFeatures(t *testing.T) {
	for _, c := range []struct {
		user *fake.Clientset
		want map[string]string
	}{
		{userWithout(), nil},
		{userWithout("patch pods/status"), map[string]string{"pod-readiness": "this user may not patch pods/status"}},
	} {
		if got, err := lacking(t.Context(), c.user); err != nil || !maps.Equal(got, c.want) {
			t.Errorf("got %v, %v, want %v", got, err, c.want)
		}
	}
}
