// SPDX-License-Identifier: LGPL-2.1-or-later
// A medium in one file: frames of numbers, a byte each, of which the filter keeps as many bits as its knob says. It is
// what CONTRIBUTING.md points to as "add a medium": all else is the base in elements/oneadapt/tunable.
#include "numbers_filter.h"

#include <stdexcept>

#include "tunable/interval_stream.h"
#include "tunable/medium_element.h"

namespace {

using namespace oneadapt;

/* ---- the knobs, a row each, and what a value means ---- */

enum : std::size_t { kBits };
const KnobRow kRows[] = {{"bits", "Bits", "Bits that are kept of a number", KnobType::Int, 1, 8, 8, true, false, false,
                          0, "1,2,3,4,5,6,7,8", "numbers of bits", 1.0}};
const KnobTable kTable(kRows);
using Numbers = std::vector<std::uint8_t>;

Numbers filtered(Numbers numbers, const Values &values) {
  for (std::uint8_t &number : numbers) number = std::uint8_t(number & (0xff00 >> int(values[kBits])));
  return numbers;
}
GstBuffer *buffer_of(const Numbers &numbers) { return gst_buffer_new_memdup(numbers.data(), numbers.size()); }

/* ---- what is remembered of an interval, and what another configuration would have made of it ---- */

struct NumbersRecord : IntervalRecord {
  Numbers numbers;  // of the last frame
  GstClockTime time = 0;
};

class NumbersMeasurement : public Measurement {
 public:
  NumbersMeasurement(const NumbersRecord &record, const ProbeRequest &request)
      : record_(record), most_(most_expensive(record.values, request.ladders)[kBits]) {
    if (request.gradient) gradient_ = request.gradient->map;
  }
  const IntervalRecord &record() const override { return record_; }
  double resource_in_force() override { return resource(record_.values); }
  double resource(const Values &values) override { return values[kBits] / most_; }
  double output_grad(const Move &move) override {
    const unsigned width = gradient_.frame_width, height = gradient_.frame_height;
    if (record_.numbers.size() != std::size_t(width) * height) throw std::runtime_error("it had other numbers");
    const Numbers a = filtered(record_.numbers, move.here), b = filtered(record_.numbers, move.there);
    return oneadapt::output_grad(
        gradient_, mean_abs_difference(a.data(), width, b.data(), width, width, height, gradient_.block_size));
  }
  GstOneadaptRendering *render(const Values &values) override {
    GstOneadaptRendering *rendering = gst_oneadapt_rendering_new();
    GstBuffer *buffer = buffer_of(filtered(record_.numbers, values));
    gst_oneadapt_rendering_add(rendering, gst_sample_new(buffer, nullptr, nullptr, nullptr), record_.time);
    gst_buffer_unref(buffer);
    gst_oneadapt_rendering_want(rendering, record_.time);
    rendering->resource = resource(values);
    return rendering;
  }

 private:
  const NumbersRecord record_;
  const double most_;
  BlockMap gradient_;  // its grid says how the numbers lie
};

class NumbersMedium : public RememberingMedium<IntervalHistory<NumbersRecord, IntervalCounters>> {
 public:
  const KnobTable &knobs() const override { return kTable; }
  std::unique_ptr<Measurement> measure(std::uint64_t interval, bool pinned, const ProbeRequest &request) override {
    const auto record = find(interval, pinned);
    return record ? std::make_unique<NumbersMeasurement>(*record, request) : nullptr;
  }
};

/* ---- a run: buffers in, filtered buffers out ---- */

class NumbersStream : public PadStream {
 public:
  NumbersStream(PadFilter &pads, NumbersMedium &medium, AdaptiveFilter &filter)
      : PadStream(pads), medium_(medium), intervals_(filter, GST_SECOND) {}

  GstFlowReturn chain(GstBuffer *input) override {
    const guint64 time = stream_time(GST_BUFFER_PTS(input)), number = time / intervals_.interval();
    if (std::exchange(number_, number) != number) begin_interval(number);
    Numbers numbers(gst_buffer_get_size(input));
    gst_buffer_extract(input, 0, numbers.data(), numbers.size());
    GstBuffer *output = buffer_of(filtered(numbers, intervals_.applied()));
    gst_buffer_copy_into(output, input, GST_BUFFER_COPY_METADATA, 0, gsize(-1));
    gst_buffer_unref(input);
    remember(std::move(numbers), time);
    intervals_.push_announcement(pads_.src());
    return gst_pad_push(pads_.src(), output);
  }
  void forget() override {
    number_ = GST_CLOCK_TIME_NONE;
    medium_.history.lock()->forget();
    intervals_.forget();
  }

 private:
  void begin_interval(guint64 number) {
    intervals_.begin(intervals_.take(number));
    const guint64 bytes = medium_.history.lock()->begin(number, intervals_.applied()).bytes_before;
    intervals_.announce(number, bytes);
    intervals_.notify();
  }
  void remember(Numbers numbers, guint64 time) {
    auto history = medium_.history.lock();
    history->on_bytes(std::uint64_t(intervals_.applied()[kBits] * double(numbers.size()) / 8));
    NumbersRecord &record = history->under_way();
    record.frames_in = ++record.frames_out;
    record.numbers = std::move(numbers);
    record.time = time;
  }

  NumbersMedium &medium_;
  IntervalStream intervals_;
  guint64 number_ = GST_CLOCK_TIME_NONE;  // of the interval under way
};

/* ---- the element ---- */

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-numbers"));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-numbers"));
KnobProperties knob_properties(kTable);

}  // namespace

using NumbersFilter = MediumElement<NumbersMedium, NumbersStream>;
using NumbersFilterClass = GstElementClass;
G_DEFINE_TYPE_WITH_CODE(NumbersFilter, numbers_filter, GST_TYPE_ELEMENT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_ONEADAPT_TUNABLE, init_tunable<NumbersFilter::adaptive_of>))
static void numbers_filter_init(NumbersFilter *self) { self->init(knob_properties); }
static void numbers_filter_class_init(NumbersFilterClass *klass) {
  NumbersFilter::init_class(klass, &sink_template, &src_template);
  knob_properties.install(G_OBJECT_CLASS(klass), "", "intervals, bytes, and every knob as it is in force");
  gst_element_class_set_static_metadata(klass, "Numbers", "Filter", "Keeps some bits of numbers",
                                        "OneAdapt for GStreamer");
}
