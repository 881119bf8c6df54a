// Updates from an old root with go-tuf, and downloads targets.
//
//	read-with-go-tuf METADATA_URL TARGETS_URL ROOT_FILE WORK_FOLDER NAME...
//
// Prints the version of the root that it came to, then each target's content as a JSON string.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

func main() {
	if len(os.Args) < 5 {
		fmt.Fprintln(os.Stderr, "expected METADATA_URL TARGETS_URL ROOT_FILE WORK_FOLDER NAME...")
		os.Exit(64)
	}
	if err := read(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(metadataURL, targetsURL, rootFile, work string, names []string) error {
	root, err := os.ReadFile(rootFile)
	if err != nil {
		return err
	}
	settings, err := config.New(metadataURL, root)
	if err != nil {
		return err
	}
	settings.RemoteTargetsURL = targetsURL
	settings.LocalMetadataDir = filepath.Join(work, "metadata")
	settings.LocalTargetsDir = filepath.Join(work, "targets")
	if err := settings.EnsurePathsExist(); err != nil {
		return err
	}
	client, err := updater.New(settings)
	if err != nil {
		return err
	}
	if err := client.Refresh(); err != nil {
		return err
	}
	fmt.Println(client.GetTrustedMetadataSet().Root.Signed.Version)
	for _, name := range names {
		target, err := client.GetTargetInfo(name)
		if err != nil {
			return err
		}
		_, content, err := client.DownloadTarget(target, "", "")
		if err != nil {
			return err
		}
		line, err := json.Marshal(string(content))
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	return nil
}
