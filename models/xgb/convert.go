package xgb

import (
	"encoding/json"
	"fmt"
	"strconv"

	"dunning/models/trees"
)

// modelJSON is the part of XGBoost's JSON model that prediction needs.
type modelJSON struct {
	Learner struct {
		Param struct {
			BaseScore  string `json:"base_score"`
			NumFeature string `json:"num_feature"`
		} `json:"learner_model_param"`
		Booster struct {
			Model struct {
				Trees []treeJSON `json:"trees"`
			} `json:"model"`
		} `json:"gradient_booster"`
	} `json:"learner"`
}

// treeJSON is one tree. A leaf has left child −1 and keeps its value where a
// split keeps its threshold.
type treeJSON struct {
	Left        []int32   `json:"left_children"`
	Right       []int32   `json:"right_children"`
	Feature     []int32   `json:"split_indices"`
	Threshold   []float32 `json:"split_conditions"`
	DefaultLeft []int     `json:"default_left"`
	Cover       []float32 `json:"sum_hessian"`
}

// convert turns XGBoost's JSON into a validated ensemble of the first keep
// trees.
func convert(raw []byte, names []string, link trees.Link, keep int) (*trees.Ensemble, error) {
	var m modelJSON
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("xgb: read the trained model: %w", err)
	}
	if m.Learner.Param.NumFeature != strconv.Itoa(len(names)) {
		return nil, fmt.Errorf("xgb: the trained model has %s features, the matrix %d", m.Learner.Param.NumFeature, len(names))
	}
	score, err := strconv.ParseFloat(m.Learner.Param.BaseScore, 32)
	if err != nil {
		return nil, fmt.Errorf("xgb: read the trained model: base_score: %w", err)
	}
	all := m.Learner.Booster.Model.Trees
	if len(all) < keep {
		return nil, fmt.Errorf("xgb: the trained model has %d trees, not %d", len(all), keep)
	}
	forest := make([]trees.Tree, keep)
	for t := range forest {
		if forest[t], err = all[t].compact(); err != nil {
			return nil, fmt.Errorf("xgb: tree %d of the trained model: %w", t, err)
		}
	}
	return trees.New(names, link, baseMargin(link, float32(score)), forest)
}

// compact copies the nodes that can be reached from the root, breadth first:
// pruning leaves dead nodes behind.
func (t *treeJSON) compact() (trees.Tree, error) {
	var out trees.Tree
	n := len(t.Left)
	if n == 0 || len(t.Right) != n || len(t.Feature) != n || len(t.Threshold) != n || len(t.DefaultLeft) != n || len(t.Cover) != n {
		return out, fmt.Errorf("its arrays have different lengths")
	}
	order := []int32{0}
	for at := 0; at < len(order); at++ {
		i := order[at]
		if i < 0 || int(i) >= n || len(order) > n {
			return out, fmt.Errorf("node %d of %d", i, n)
		}
		out.Cover = append(out.Cover, t.Cover[i])
		if t.Left[i] < 0 {
			out.Feature = append(out.Feature, -1)
			out.Threshold = append(out.Threshold, 0)
			out.DefaultLeft = append(out.DefaultLeft, false)
			out.Left = append(out.Left, -1)
			out.Right = append(out.Right, -1)
			out.Value = append(out.Value, t.Threshold[i])
			continue
		}
		next := int32(len(order))
		out.Feature = append(out.Feature, t.Feature[i])
		out.Threshold = append(out.Threshold, t.Threshold[i])
		out.DefaultLeft = append(out.DefaultLeft, t.DefaultLeft[i] != 0)
		out.Left = append(out.Left, next)
		out.Right = append(out.Right, next+1)
		out.Value = append(out.Value, 0)
		order = append(order, t.Left[i], t.Right[i])
	}
	return out, nil
}
