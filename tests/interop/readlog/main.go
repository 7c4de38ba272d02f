// Readlog reads a log through its tiles and checks all of it, with the implementation
// of the Go checksum database and nothing of merklelog:
//
//	readlog -vkey VKEY -url URL [OLDER-CHECKPOINT...]
//
// It fetches the checkpoint and every entry bundle, and checks
//
//   - that the key signed the checkpoint,
//   - that each record has the hash that the tiles have for it, where each tile is
//     proven under the root hash of the checkpoint,
//   - that the records alone give the same root hash,
//   - that each older checkpoint, signed by the same key, is a beginning of this tree,
//   - that each record can be proven to be in the tree, if there are at most -proofs.
//
// It prints one line, or says what is wrong and exits with 1.
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("readlog: ")
	vkey := flag.String("vkey", "", "the log's Ed25519 verifier key")
	url := flag.String("url", "", "the prefix of the log's paths")
	proofs := flag.Int64("proofs", 1000, "prove each record if there are at most this many")
	flag.Parse()

	verifier, err := note.NewVerifier(*vkey)
	if err != nil {
		log.Fatal(err)
	}
	if err := check(&site{*url}, verifier, *proofs, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

// check checks all of a log, as the comment above says.
func check(site *site, verifier note.Verifier, proofs int64, older []string) error {
	signed, err := site.get("checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(signed, verifier)
	if err != nil {
		return err
	}
	tiles := &tileReader{site: site, proven: make(map[tlog.Tile][]byte)}
	hashes := tlog.TileHashReader(tree, tiles)

	if err := checkRecords(site, tree, hashes); err != nil {
		return err
	}
	for _, file := range older {
		if err := checkOlder(file, verifier, tree, hashes); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if tree.N <= proofs {
		if err := proveRecords(tree, hashes); err != nil {
			return err
		}
	}
	fmt.Printf("%d records under %v, consistent with %d older checkpoints\n",
		tree.N, tree.Hash, len(older))
	return nil
}

// openCheckpoint returns the tree of a signed checkpoint (c2sp.org/tlog-checkpoint).
// Lines of unknown keys, as that of type 0x05, are ignored by note.Open.
func openCheckpoint(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	// tlog.ParseTree wants the first line of the Go checksum database.
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s: %q", verifier.Name(), n.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return tlog.Tree{}, fmt.Errorf("not the size of a tree: %q", lines[1])
	}
	hash, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	return tlog.Tree{N: size, Hash: hash}, nil
}

// checkRecords compares each record with its hash in the tree, and the tree that the
// records make with the signed one.
func checkRecords(site *site, tree tlog.Tree, hashes tlog.HashReader) error {
	var derived storedHashes
	for start := int64(0); start < tree.N; start += tileWidth {
		records, err := site.bundle(start/tileWidth, min(tileWidth, tree.N-start))
		if err != nil {
			return err
		}
		indexes := make([]int64, len(records))
		for i := range records {
			indexes[i] = tlog.StoredHashIndex(0, start+int64(i))
		}
		leaves, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, record := range records {
			index := start + int64(i)
			if tlog.RecordHash(record) != leaves[i] {
				return fmt.Errorf("record %d is not the one that the tree has", index)
			}
			added, err := tlog.StoredHashes(index, record, derived)
			if err != nil {
				return err
			}
			derived = append(derived, added...)
		}
	}
	for name, reader := range map[string]tlog.HashReader{"records": derived, "tiles": hashes} {
		root, err := tlog.TreeHash(tree.N, reader)
		if err != nil {
			return err
		}
		if root != tree.Hash {
			return fmt.Errorf("the %s have root %v, the checkpoint has %v", name, root, tree.Hash)
		}
	}
	return nil
}

// checkOlder checks that the tree begins with that of the checkpoint in file.
func checkOlder(file string, verifier note.Verifier, tree tlog.Tree, hashes tlog.HashReader) error {
	signed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	older, err := openCheckpoint(signed, verifier)
	if err != nil {
		return err
	}
	if older.N == 0 {
		// Of the empty tree there is no proof: every tree begins with it.
		if empty, err := tlog.TreeHash(0, nil); err != nil || older.Hash != empty {
			return errors.New("the empty tree has another root hash")
		}
		return nil
	}
	proof, err := tlog.ProveTree(tree.N, older.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash)
}

// proveRecords proves each record to be in the tree.
func proveRecords(tree tlog.Tree, hashes tlog.HashReader) error {
	for index := int64(0); index < tree.N; index++ {
		leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf[0]); err != nil {
			return fmt.Errorf("record %d: %w", index, err)
		}
	}
	return nil
}

// storedHashes are the hashes of a tree in the order of tlog.StoredHashIndex.
type storedHashes []tlog.Hash

func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = s[index]
	}
	return hashes, nil
}

// tileHeight and tileWidth are those of c2sp.org/tlog-tiles.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tileReader is a tlog.TileReader of a log by c2sp.org/tlog-tiles.
type tileReader struct {
	site   *site
	proven map[tlog.Tile][]byte
}

func (r *tileReader) Height() int { return tileHeight }

func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		if known, ok := r.proven[tile]; ok {
			data[i] = known
			continue
		}
		fetched, err := r.site.get(tilePath(tile))
		if err != nil {
			return nil, err
		}
		data[i] = fetched
	}
	return data, nil
}

// SaveTiles is called with tiles that are proven under the root hash.
func (r *tileReader) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		r.proven[tile] = data[i]
	}
}

// tilePath returns the path of a tile: that of the checksum database without the
// height, tile/0/x001/234.p/5 instead of tile/8/0/x001/234.p/5.
func tilePath(tile tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tile.H))
}

// site is where a log is served.
type site struct {
	prefix string
}

// bundle returns the records of an entry bundle, which holds width of them.
func (s *site) bundle(index, width int64) ([][]byte, error) {
	// An entry bundle has the place of the level-0 tile with its hashes.
	place := tilePath(tlog.Tile{H: tileHeight, L: 0, N: index, W: int(width)})
	data, err := s.get("tile/entries/" + strings.TrimPrefix(place, "tile/0/"))
	if err != nil {
		return nil, err
	}
	records := make([][]byte, width)
	for i := range records {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("entry bundle %d ends in record %d", index, i)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		records[i], data = data[2:end], data[end:]
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("entry bundle %d has more than %d records", index, width)
	}
	return records, nil
}

// get returns what stands at a path.
func (s *site) get(path string) ([]byte, error) {
	response, err := http.Get(s.prefix + "/" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}
