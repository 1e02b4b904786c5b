package reading

import (
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cniproof/cniproof/internal/oracle"
)

// withLabels gives pods and namespaces other labels.
func withLabels(s oracle.State, change func(map[string]string) map[string]string) oracle.State {
	s.Pods = slices.Clone(s.Pods)
	for i := range s.Pods {
		s.Pods[i].Labels = change(s.Pods[i].Labels)
	}
	s.Namespaces = maps.Clone(s.Namespaces)
	for name, labels := range s.Namespaces {
		s.Namespaces[name] = change(labels)
	}
	return s
}

// signsAlike has every sign in labels, and in what selectors ask for, be a dash.
func signsAlike(s oracle.State) oracle.State {
	s = withLabels(s, dashedLabels)
	return edited(s, func(p *networkingv1.NetworkPolicy) {
		eachSelector(p, func(s *metav1.LabelSelector) {
			s.MatchLabels = dashedLabels(s.MatchLabels)
			for i := range s.MatchExpressions {
				r := &s.MatchExpressions[i]
				r.Key = dashedKey(r.Key)
				for j, value := range r.Values {
					r.Values[j] = dashed(value)
				}
			}
		})
	})
}

func dashedLabels(labels map[string]string) map[string]string {
	if labels == nil {
		return nil
	}
	made := map[string]string{}
	for key, value := range labels {
		made[dashedKey(key)] = dashed(value)
	}
	return made
}

// dashedKey leaves the domain as it is.
func dashedKey(key string) string {
	at := strings.LastIndexByte(key, '/') + 1
	return key[:at] + dashed(key[at:])
}

func dashed(text string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(text) }

// withoutControllers leaves out the labels that controllers give their pods.
func withoutControllers(s oracle.State) oracle.State {
	return withLabels(s, func(labels map[string]string) map[string]string {
		made := maps.Clone(labels)
		for _, key := range []string{
			appsv1.DefaultDeploymentUniqueLabelKey, appsv1.ControllerRevisionHashLabelKey, appsv1.StatefulSetPodNameLabel, appsv1.PodIndexLabel,
			batchv1.JobCompletionIndexAnnotation,
		} {
			delete(made, key)
		}
		return made
	})
}
