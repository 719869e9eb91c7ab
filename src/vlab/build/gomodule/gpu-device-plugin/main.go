// Command gpu-device-plugin offers GPUs that do not exist to the kubelet, through the same device plugin API
// that NVIDIA's plugin uses: allocatable capacity, placement and release then behave as with real ones.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

type plugin struct {
	api.UnimplementedDevicePluginServer
	devices []*api.Device
	stopped <-chan struct{}
}

func (p *plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

// ListAndWatch sends the devices once: these GPUs never break.
func (p *plugin) ListAndWatch(_ *api.Empty, stream api.DevicePlugin_ListAndWatchServer) error {
	if err := stream.Send(&api.ListAndWatchResponse{Devices: p.devices}); err != nil {
		return err
	}
	select {
	case <-p.stopped:
	case <-stream.Context().Done():
	}
	return nil
}

// Allocate tells a container which GPUs it got, in the variable that NVIDIA's runtime reads.
func (p *plugin) Allocate(_ context.Context, request *api.AllocateRequest) (*api.AllocateResponse, error) {
	response := &api.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		response.ContainerResponses = append(response.ContainerResponses, &api.ContainerAllocateResponse{
			Envs: map[string]string{"NVIDIA_VISIBLE_DEVICES": strings.Join(container.DevicesIds, ",")},
		})
	}
	return response, nil
}

func main() {
	resource := flag.String("resource", "nvidia.com/gpu", "extended resource to offer")
	count := flag.Int("count", 1, "GPUs on this node")
	node := flag.String("node", os.Getenv("NODE_NAME"), "name that the GPUs' ids begin with")
	dir := flag.String("dir", api.DevicePluginPath, "the kubelet's device plugin folder")
	flag.Parse()

	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	for ctx.Err() == nil {
		if err := serve(ctx, *resource, *node, *count, *dir); err != nil {
			log.Printf("%v; trying again", err)
			time.Sleep(time.Second)
		}
	}
}

// serve registers with the kubelet and returns when the kubelet has restarted (it then removes every plugin's
// socket and expects to be told again) or ctx ends.
func serve(ctx context.Context, resource, node string, count int, dir string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	socket := filepath.Join(dir, "vlab-gpu.sock")
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	defer server.Stop()
	api.RegisterDevicePluginServer(server, &plugin{devices: devices(node, count), stopped: ctx.Done()})
	go func() { _ = server.Serve(listener) }()

	if err := register(ctx, resource, filepath.Base(socket), dir); err != nil {
		return fmt.Errorf("registering %s: %w", resource, err)
	}
	log.Printf("offering %d x %s on %s", count, resource, node)
	for ctx.Err() == nil {
		if _, err := os.Stat(socket); err != nil {
			log.Printf("the kubelet has restarted")
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func devices(node string, count int) []*api.Device {
	var all []*api.Device
	for i := range count {
		all = append(all, &api.Device{ID: fmt.Sprintf("GPU-%s-%d", node, i), Health: api.Healthy})
	}
	return all
}

func register(ctx context.Context, resource, endpoint, dir string) error {
	conn, err := grpc.NewClient("unix://"+filepath.Join(dir, filepath.Base(api.KubeletSocket)),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = api.NewRegistrationClient(conn).Register(ctx, &api.RegisterRequest{
		Version: api.Version, Endpoint: endpoint, ResourceName: resource,
		Options: &api.DevicePluginOptions{},
	})
	return err
}
