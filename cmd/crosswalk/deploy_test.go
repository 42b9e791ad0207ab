package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const deployFolder = "../../deploy"

// accepts demands that the program knows a command line of a container.
func accepts(t *testing.T, line []string) {
	t.Helper()
	command, rest, err := rootCommand().Find(line)
	require.NoError(t, err, line)
	require.NotEqual(t, "crosswalk", command.Name(), line)
	require.NoError(t, command.ParseFlags(rest), line)
	require.NoError(t, command.ValidateArgs(command.Flags().Args()), line)
}

// TestComposeFile holds what a Docker engine would find out late: the file is YAML, names only what it has, and its
// containers' command lines are those of this program.
func TestComposeFile(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(deployFolder, "compose.yaml"))
	require.NoError(t, err)
	var file struct {
		Services map[string]struct {
			Image     string
			Command   []string
			Volumes   []string
			DependsOn map[string]any `yaml:"depends_on"`
		}
		Volumes map[string]any
	}
	require.NoError(t, yaml.Unmarshal(raw, &file))
	ran := map[string]bool{}
	for name, service := range file.Services {
		require.NotEmpty(t, service.Image, name)
		for needed := range service.DependsOn {
			require.Contains(t, file.Services, needed, name)
		}
		for _, volume := range service.Volumes {
			from, _, _ := strings.Cut(volume, ":")
			switch {
			case strings.HasPrefix(from, "${"), from == "./workspace":
			case strings.HasPrefix(from, "./"):
				require.FileExists(t, filepath.Join(deployFolder, from), name)
			default:
				require.Contains(t, file.Volumes, from, name)
			}
		}
		if strings.Contains(service.Image, "crosswalk") {
			accepts(t, service.Command)
			ran[service.Command[0]] = true
		}
	}
	for _, role := range []string{"engine", "worker", "intake", "desk", "publish"} {
		require.True(t, ran[role], role)
	}
	require.FileExists(t, filepath.Join(deployFolder, "example.env"))
}

// TestHelmChart renders the chart with its own values, by the few of Helm's functions that it uses, and looks at what
// comes out.
func TestHelmChart(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(deployFolder, "helm", "crosswalk")
	values, chart := map[string]any{}, map[string]any{}
	for name, into := range map[string]*map[string]any{"values.yaml": &values, "Chart.yaml": &chart} {
		raw, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(raw, into))
	}
	values["environmentFrom"], values["environment"] = []any{"crosswalk-secrets"}, map[string]any{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
	values["intake"].(map[string]any)["mailPorts"] = []any{2525}
	templates := template.New("").Option("missingkey=error")
	templates.Funcs(template.FuncMap{
		"include": func(name string, data any) (string, error) {
			var out strings.Builder
			err := templates.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
		"dict": func(pairs ...any) map[string]any {
			made := map[string]any{"listen": nil}
			for i := 0; i < len(pairs); i += 2 {
				made[pairs[i].(string)] = pairs[i+1]
			}
			return made
		},
		"default": func(otherwise, given any) any {
			if given == nil || given == "" {
				return otherwise
			}
			return given
		},
		"quote":  func(v any) string { return fmt.Sprintf("%q", fmt.Sprint(v)) },
		"toJson": func(v any) (string, error) { raw, err := json.Marshal(v); return string(raw), err },
	})
	// Helm takes a missing value for none.
	templates.Option("missingkey=zero")
	_, err := templates.ParseGlob(filepath.Join(folder, "templates", "*"))
	require.NoError(t, err)
	data := map[string]any{"Values": values, "Release": map[string]any{"Name": "acme"}, "Chart": map[string]any{"AppVersion": chart["appVersion"]}}
	deployed, served := map[string]bool{}, map[string]bool{}
	for _, name := range []string{"worker.yaml", "intake.yaml", "desk.yaml"} {
		var out bytes.Buffer
		require.NoError(t, templates.ExecuteTemplate(&out, name, data))
		for documents := yaml.NewDecoder(&out); ; {
			var found struct {
				Kind     string
				Metadata struct{ Name string }
				Spec     struct {
					Template struct {
						Spec struct {
							Containers []struct {
								Name, Image string
								Args        []string
								Ports       []struct{ Name string }
							}
						}
					}
					Ports []struct {
						TargetPort string `yaml:"targetPort"`
					}
				}
			}
			err := documents.Decode(&found)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, name)
			switch found.Kind {
			case "Deployment":
				container := found.Spec.Template.Spec.Containers[0]
				accepts(t, container.Args)
				deployed[container.Name] = true
			case "Service":
				require.NotEmpty(t, found.Spec.Ports)
				served[found.Metadata.Name] = true
			default:
				t.Fatalf("%s: a document of kind %q", name, found.Kind)
			}
		}
	}
	require.Equal(t, map[string]bool{"worker": true, "intake": true, "desk": true}, deployed)
	require.Equal(t, map[string]bool{"acme-intake": true, "acme-desk": true}, served)
}
