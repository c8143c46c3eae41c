package serve

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// actionSchema has the columns of plan.parquet and the state.
var actionSchema = arrow.NewSchema([]arrow.Field{
	{Name: "plan_id", Type: arrow.BinaryTypes.String}, {Name: "action_id", Type: arrow.BinaryTypes.String}, {Name: "customer_id", Type: arrow.BinaryTypes.String},
	{Name: "channel", Type: arrow.BinaryTypes.String}, {Name: "day", Type: arrow.FixedWidthTypes.Date32},
	{Name: "window_start", Type: arrow.FixedWidthTypes.Timestamp_us}, {Name: "window_end", Type: arrow.FixedWidthTypes.Timestamp_us},
	{Name: "step", Type: arrow.PrimitiveTypes.Int32}, {Name: "cost_cents", Type: arrow.PrimitiveTypes.Int64}, {Name: "value_cents", Type: arrow.PrimitiveTypes.Int64},
	{Name: "reduced_cost_cents", Type: arrow.PrimitiveTypes.Int64}, {Name: "treat_prob", Type: arrow.PrimitiveTypes.Float64},
	{Name: "source", Type: arrow.BinaryTypes.String}, {Name: "reason", Type: arrow.BinaryTypes.String},
	{Name: "regua_id", Type: arrow.BinaryTypes.String}, {Name: "regua_version", Type: arrow.PrimitiveTypes.Int32}, {Name: "regua_step", Type: arrow.BinaryTypes.String},
	{Name: "template", Type: arrow.BinaryTypes.String}, {Name: "state", Type: arrow.BinaryTypes.String},
}, nil)

// arrowActions writes one record batch for each write.
type arrowActions struct{ w *ipc.Writer }

func newArrowActions(w io.Writer) actionWriter {
	return arrowActions{ipc.NewWriter(w, ipc.WithSchema(actionSchema))}
}

func (a arrowActions) write(actions []PlannedAction) error {
	b := array.NewRecordBuilder(memory.DefaultAllocator, actionSchema)
	defer b.Release()
	text := func(i int, s string) { b.Field(i).(*array.StringBuilder).Append(s) }
	whole := func(i int, n int64) { b.Field(i).(*array.Int64Builder).Append(n) }
	for i := range actions {
		x := &actions[i]
		text(0, x.PlanID)
		text(1, x.ActionID)
		text(2, x.CustomerID)
		text(3, string(x.Channel))
		b.Field(4).(*array.Date32Builder).Append(arrow.Date32(x.Day))
		b.Field(5).(*array.TimestampBuilder).Append(arrow.Timestamp(x.WindowStart.UnixMicro()))
		b.Field(6).(*array.TimestampBuilder).Append(arrow.Timestamp(x.WindowEnd.UnixMicro()))
		b.Field(7).(*array.Int32Builder).Append(x.Step)
		whole(8, int64(x.CostCents))
		whole(9, int64(x.ValueCents))
		whole(10, int64(x.ReducedCostCents))
		b.Field(11).(*array.Float64Builder).Append(x.TreatProb)
		text(12, string(x.Source))
		text(13, x.Reason)
		text(14, x.ReguaID)
		b.Field(15).(*array.Int32Builder).Append(x.ReguaVersion)
		text(16, x.ReguaStep)
		text(17, x.Template)
		text(18, x.State)
	}
	record := b.NewRecordBatch()
	defer record.Release()
	if err := a.w.Write(record); err != nil {
		return fmt.Errorf("serve: arrow: %w", err)
	}
	return nil
}

func (a arrowActions) close() error { return a.w.Close() }
