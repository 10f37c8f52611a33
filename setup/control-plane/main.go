// Command control-plane is etcd, the Kubernetes API server, its controllers and its scheduler in one
// binary, so that tests have a real control plane on a machine without a container engine:
//
//	control-plane etcd|apiserver|controller-manager|scheduler FLAGS…
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: control-plane etcd|apiserver|controller-manager|scheduler FLAGS…")
		os.Exit(64)
	}
	part := os.Args[1]
	os.Args = append(os.Args[:1], os.Args[2:]...)
	commands := map[string]func() *cobra.Command{
		"apiserver":          apiserver.NewAPIServerCommand,
		"controller-manager": controllermanager.NewControllerManagerCommand,
		"scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	}
	if part == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	command, known := commands[part]
	if !known {
		fmt.Fprintf(os.Stderr, "control-plane: no part named %q\n", part)
		os.Exit(64)
	}
	os.Exit(cli.Run(command()))
}
