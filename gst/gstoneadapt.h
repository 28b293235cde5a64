/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public C API of OneAdapt for GStreamer: gradient and configuration events, the tunable interface, profiles,
 * feedback between processes. */
#ifndef GST_ONEADAPT_H
#define GST_ONEADAPT_H

#include <gst/gst.h>

G_BEGIN_DECLS

#ifndef GST_ONEADAPT_API
#define GST_ONEADAPT_API __attribute__((visibility("default")))
#endif

/* ---- the gradient ------------------------------------------------------------------------------------------- */

#define GST_TYPE_ONEADAPT_GRADIENT (gst_oneadapt_gradient_get_type())
typedef struct _GstOneadaptGradient GstOneadaptGradient;

/**
 * GstOneadaptRegion:
 * @x_min: left, as a fraction of the frame's width
 * @y_min: top, as a fraction of its height
 * @x_max: right
 * @y_max: bottom
 *
 * The place in the frame where an element was found.
 */
typedef struct {
  gdouble x_min;
  gdouble y_min;
  gdouble x_max;
  gdouble y_max;
} GstOneadaptRegion;

/**
 * GstOneadaptDomain:
 * @GST_ONEADAPT_DOMAIN_GRID: a picture. Blocks are places, which stay what they are from one interval to the next
 * @GST_ONEADAPT_DOMAIN_SIGNAL: a signal in time, such as sound. Blocks are instants of the interval, in one row; a
 * pixel is a sample
 * @GST_ONEADAPT_DOMAIN_SPACE: points in the space around a sensor. Blocks have a side of 1: a column is a sector, from
 * straight ahead on anticlockwise, a row is a ring, the innermost first. A value is the mean over a block's points of
 * |∂z/∂presence|; regions are in fractions of columns and rows
 *
 * What the blocks of a gradient are. Signals are not averaged over intervals, and their accuracy counts over all
 * elements of a stream together. More domains may come.
 */
typedef enum {
  GST_ONEADAPT_DOMAIN_GRID = 0,
  GST_ONEADAPT_DOMAIN_SIGNAL = 1,
  GST_ONEADAPT_DOMAIN_SPACE = 2
} GstOneadaptDomain;

/**
 * GST_ONEADAPT_REUSE_TIMES:
 *
 * How many times GstOneadaptGradient.reuse_accuracy is of.
 */
#define GST_ONEADAPT_REUSE_TIMES 6

/**
 * GstOneadaptGradient:
 * @interval: number of the adaptation interval, floor(stream time / interval duration)
 * @interval_duration: in ns
 * @stream_time: stream time in ns of the frame that the gradient was taken on
 * @stream: CRC-32 of the stream id, 0 when unknown
 * @z: output utility (paper §E, Eq. 4)
 * @elements: elements that entered @z
 * @confident: elements with a score of at least @theta
 * @theta: confidence threshold
 * @slope: slope of the utility function
 * @frame_width: width in pixels of the picture that the map is of. Upstream: the one that the decoder or a tunable put
 *   out, or the DNN's, which is then the same at another size. Downstream: the one that the DNN received
 * @frame_height: height in pixels of that picture; 1 for a signal, whose samples @frame_width counts
 * @block_size: side of a block in pixels
 * @columns: blocks a row
 * @rows: rows of blocks
 * @values: (array): @columns × @rows numbers ≥ 0, row by row: mean over the pixels of a block of Σ over R, G, B of
 *   |∂z/∂y|, for y in [0, 1]; 0 where the DNN sees nothing of the picture
 * @regions: (array length=n_regions) (nullable): the confident elements, highest score first
 * @n_regions: number of @regions; a message carries the first 51
 * @early: the gradient was taken at the beginning of its interval; another one follows at the interval's end
 * @max_bytes: most bytes that the message may have, 80 to 1300; 0 means 1300. Not part of the message
 * @domain: what the blocks are; gst_oneadapt_gradient_new() sets it to #GST_ONEADAPT_DOMAIN_GRID
 * @measured_frames: frames of the interval that were coded once more and inferred again, to measure the accuracy of
 *   what was received without labels; 0 when nobody measures (element oneadaptshadow)
 * @measured_occupied: of these, the frames in which something was found, before or after
 * @measured_accuracy: F1 of results after against before, of all frames with objects, in [0, 1]
 * @measured_objects: objects found in these frames, before and after together
 * @reuse_frames: frames of the interval that tell what a result is worth later; 0 when nothing is known of it
 * @reuse_accuracy: (array fixed-size=6): F1 of what was found in a frame against what there is 1/30, 1/15, 0.1, 0.2,
 * 0.4 and 0.8 s later, in [0, 1]
 *
 * DNNGrad of the last frame of one adaptation interval (paper §4.1, §4.3), or, when @early, of a stream's first frame.
 * A boxed type. Do not modify a gradient that an event carries.
 */
struct _GstOneadaptGradient {
  guint64 interval;
  GstClockTime interval_duration;
  GstClockTime stream_time;
  guint32 stream;
  gdouble z;
  guint elements;
  guint confident;
  gdouble theta;
  gdouble slope;
  guint frame_width;
  guint frame_height;
  guint block_size;
  guint columns;
  guint rows;
  gfloat *values;
  GstOneadaptRegion *regions;
  guint n_regions;
  gboolean early;
  guint max_bytes;
  GstOneadaptDomain domain;
  guint measured_frames;
  guint measured_occupied;
  gdouble measured_accuracy;
  guint measured_objects;
  guint reuse_frames;
  gdouble reuse_accuracy[GST_ONEADAPT_REUSE_TIMES];

  /*< private >*/
  gpointer _gst_reserved[GST_PADDING];
};

GST_ONEADAPT_API GType gst_oneadapt_gradient_get_type(void);
GST_ONEADAPT_API GstOneadaptGradient *gst_oneadapt_gradient_new(guint frame_width, guint frame_height,
                                                                guint block_size);
GST_ONEADAPT_API void gst_oneadapt_gradient_set_regions(GstOneadaptGradient *gradient, const GstOneadaptRegion *regions,
                                                        guint n_regions);
GST_ONEADAPT_API GstOneadaptGradient *gst_oneadapt_gradient_copy(const GstOneadaptGradient *gradient);
GST_ONEADAPT_API void gst_oneadapt_gradient_free(GstOneadaptGradient *gradient);
/* The wire message (docs/wire-format.md) has at most max_bytes or 1300 bytes. The map is quantised in it; its sum is
 * kept. gst_oneadapt_gradient_to_bytes() returns NULL and sets @error when the gradient is invalid, for example when a
 * value is negative. gst_oneadapt_gradient_from_bytes() returns NULL and sets @error unless the message is intact. */
GST_ONEADAPT_API GBytes *gst_oneadapt_gradient_to_bytes(const GstOneadaptGradient *gradient, GError **error);
GST_ONEADAPT_API GstOneadaptGradient *gst_oneadapt_gradient_from_bytes(GBytes *bytes, GError **error);

/* A GST_EVENT_CUSTOM_UPSTREAM that carries the wire message. The functions follow gst_video_event_*. */
GST_ONEADAPT_API GstEvent *gst_event_new_oneadapt_gradient(const GstOneadaptGradient *gradient);
GST_ONEADAPT_API gboolean gst_event_is_oneadapt_gradient(GstEvent *event);
/* The same message as a serialized GST_EVENT_CUSTOM_DOWNSTREAM, for elements that show or record it. It is not
 * feedback: gst_event_is_oneadapt_gradient() returns FALSE for it. */
GST_ONEADAPT_API GstEvent *gst_event_new_oneadapt_gradient_downstream(const GstOneadaptGradient *gradient);
GST_ONEADAPT_API gboolean gst_event_is_oneadapt_gradient_downstream(GstEvent *event);
/* Makes the downstream event from the upstream event @event (transfer none), without encoding the message again. */
GST_ONEADAPT_API GstEvent *gst_event_new_oneadapt_gradient_echo(GstEvent *event);
/* For both directions. @gradient: (out) (transfer full). Returns FALSE and sets @error when the message is malformed.
 */
GST_ONEADAPT_API gboolean gst_event_parse_oneadapt_gradient(GstEvent *event, GstOneadaptGradient **gradient,
                                                            GError **error);
/* The wire message of an event of either direction, (transfer none), unchecked. NULL when the event has none. */
GST_ONEADAPT_API GBytes *gst_event_get_oneadapt_gradient_message(GstEvent *event);
/* CRC-32 of the stream id in @pad's sticky stream-start event; 0 when there is no such event. */
GST_ONEADAPT_API guint32 gst_oneadapt_pad_stream(GstPad *pad);

/* ---- the configuration in force -------------------------------------------------------------------------------- */

/* Value of a number of bytes that is not known. */
#define GST_ONEADAPT_BYTES_UNKNOWN G_MAXUINT64

/* A serialized GST_EVENT_CUSTOM_DOWNSTREAM that a tunable sends at the start of each adaptation interval, before the
 * interval's first frame. The functions follow gst_video_event_*. The event may also carry a map of QP offsets.
 */
GST_ONEADAPT_API GstEvent *gst_event_new_oneadapt_configuration(guint64 interval, const GstStructure *knobs,
                                                                guint64 bytes_of_last_interval,
                                                                GstClockTime interval_duration);
GST_ONEADAPT_API gboolean gst_event_is_oneadapt_configuration(GstEvent *event);
GST_ONEADAPT_API gboolean gst_event_parse_oneadapt_configuration(GstEvent *event, guint64 *interval,
                                                                 GstStructure **knobs, guint64 *bytes_of_last_interval,
                                                                 GstClockTime *interval_duration, GError **error);
GST_ONEADAPT_API gboolean gst_event_set_oneadapt_qp_map(GstEvent *event, guint frame_width, guint frame_height,
                                                        guint block_size, const gfloat *offsets);
GST_ONEADAPT_API gboolean gst_event_parse_oneadapt_qp_map(GstEvent *event, guint *frame_width, guint *frame_height,
                                                          guint *block_size, gfloat **offsets, GError **error);

/* ---- tunables ----------------------------------------------------------------------------------------------- */

/**
 * GstOneadaptKnobFlags:
 * @GST_ONEADAPT_KNOB_ON_REQUEST: the knob is probed and adapted only when the user names it
 * @GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT: the meaning of a rung depends on the gradient, so the knob is applied after
 *   every gradient, even when the rung stays the same
 * @GST_ONEADAPT_KNOB_CONTINUOUS: values between two rungs are allowed
 * @GST_ONEADAPT_KNOB_SELF_SCALING: the rungs are in units of the objective, and the tunable itself follows the content.
 *   The best rung depends on λ alone and not on what is measured
 * @GST_ONEADAPT_KNOB_REFINES: a more expensive value also improves what was sent before and has not changed since, so
 * it takes more in its first interval than in those that follow
 * @GST_ONEADAPT_KNOB_MEASURED: what the knob costs of accuracy is seen when received media are coded once more
 *   (GstOneadaptGradient.measured_accuracy)
 * @GST_ONEADAPT_KNOB_HALVED: with #GST_ONEADAPT_KNOB_MEASURED: values are shares of the medium that are kept, and
 * received media are not coded once more: half of what came is left out
 * @GST_ONEADAPT_KNOB_REUSES_RESULTS: values are frames per second. What they cost of accuracy is that results are
 * reused for the frames that are dropped, and is measured (GstOneadaptGradient.reuse_accuracy)
 * @GST_ONEADAPT_KNOB_SUPERSEDED: one of the tunable's knobs that follow the gradient saves more for the same accuracy.
 *   Unless the user names it, the knob is adapted only where the gradient is not used, or such a knob is not to be had
 */
typedef enum {
  GST_ONEADAPT_KNOB_ON_REQUEST = 1 << 0,
  GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT = 1 << 1,
  GST_ONEADAPT_KNOB_CONTINUOUS = 1 << 2,
  GST_ONEADAPT_KNOB_SELF_SCALING = 1 << 3,
  GST_ONEADAPT_KNOB_REFINES = 1 << 4,
  GST_ONEADAPT_KNOB_MEASURED = 1 << 5,
  GST_ONEADAPT_KNOB_SUPERSEDED = 1 << 6,
  GST_ONEADAPT_KNOB_REUSES_RESULTS = 1 << 7,
  GST_ONEADAPT_KNOB_HALVED = 1 << 8
} GstOneadaptKnobFlags;

#define GST_TYPE_ONEADAPT_KNOB (gst_oneadapt_knob_get_type())
typedef struct _GstOneadaptKnob GstOneadaptKnob;

/**
 * GstOneadaptKnob:
 * @name: the knob's name; for the elements of this project, the name of its property
 * @ladder: (array length=n_ladder): the knob's values from cheap to expensive, strictly monotonic
 * @n_ladder: number of values in @ladder
 * @rung: index in @ladder of the value in force during the probed interval, or of the value nearest to it
 * @has_up: whether the effect of one rung up was measured
 * @output_grad_up: Σ |DNNGrad| |Δy| for one rung up (paper §3.3)
 * @resource_change_up: r(k+Δk) − r(k), in fractions of the most expensive configuration's resource
 * @compute_change_up: the same difference of the frames that are left to analyse
 * @has_down: whether the effect of one rung down was measured
 * @output_grad_down: Σ |DNNGrad| |Δy| for one rung down
 * @resource_change_down: r(k−Δk) − r(k)
 * @compute_change_down: the same difference of the frames that are left to analyse
 * @typical_accuracy: (nullable) (array length=n_ladder): accuracy that each rung usually keeps while the other knobs
 *   are at their most expensive values; NULL when it is not known
 * @typical_resource: (nullable) (array length=n_ladder): resource that each rung usually takes, as a fraction of the
 *   most expensive configuration's
 * @typical_compute: (nullable) (array length=n_ladder): the frames that each rung usually leaves to analyse, as a
 *   fraction; NULL means all frames
 * @value: value in force during the probed interval; gst_oneadapt_knob_new() sets it to that of @rung
 *
 * One knob of a tunable. list_knobs() fills the first four fields, the flags and what is typical, by which a controller
 * chooses what it adapts; probe() fills all of them.
 */
struct _GstOneadaptKnob {
  gchar *name;
  gdouble *ladder;
  guint n_ladder;
  guint rung;
  gboolean has_up;
  gdouble output_grad_up;
  gdouble resource_change_up;
  gdouble compute_change_up;
  gboolean has_down;
  gdouble output_grad_down;
  gdouble resource_change_down;
  gdouble compute_change_down;
  gdouble *typical_accuracy;
  gdouble *typical_resource;
  gdouble *typical_compute;
  GstOneadaptKnobFlags flags;
  gdouble value;

  /*< private >*/
  gpointer _gst_reserved[GST_PADDING];
};

GST_ONEADAPT_API GType gst_oneadapt_knob_get_type(void);
GST_ONEADAPT_API GstOneadaptKnob *gst_oneadapt_knob_new(const gchar *name, const gdouble *ladder, guint n_ladder,
                                                        guint rung);
/* @accuracy and @resource: (array): one number for each value of the ladder. */
GST_ONEADAPT_API void gst_oneadapt_knob_set_typical(GstOneadaptKnob *knob, const gdouble *accuracy,
                                                    const gdouble *resource);
GST_ONEADAPT_API void gst_oneadapt_knob_set_typical_compute(GstOneadaptKnob *knob, const gdouble *compute);
GST_ONEADAPT_API GstOneadaptKnob *gst_oneadapt_knob_copy(const GstOneadaptKnob *knob);
GST_ONEADAPT_API void gst_oneadapt_knob_free(GstOneadaptKnob *knob);

#define GST_TYPE_ONEADAPT_PROBE (gst_oneadapt_probe_get_type())
typedef struct _GstOneadaptProbe GstOneadaptProbe;

/**
 * GstOneadaptProbe:
 * @knobs: (element-type GstOneadaptKnob): the tunable's knobs with the measured effects
 * @bytes: bytes that the probed interval really took after the tunable
 * @resource: r(k), those bytes as a fraction of what the most expensive configuration would have taken; < 0 when
 *   unknown
 * @frames_in: frames (or chunks) that came in during the interval
 * @frames_out: frames that went out
 * @compute: frames that went out, as a fraction of those of the most expensive configuration; < 0 when unknown
 * @activity: whether something went on in the interval, such as a voice, by the tunable's own judgement. In [0, 1],
 *   where 0.5 or more means yes; < 0 when unknown. With @has_lookahead it is what was known when the interval began
 * @has_lookahead: TRUE when the tunable knows the activity of an interval before it applies a configuration to it.
 *   apply() then accepts an alternative configuration for intervals in which nothing goes on
 * @next_bytes: bytes that the next interval is expected to take under the same configuration, where they are others
 *   than @bytes for a reason other than the content, such as a key frame in one of the two; 0: as many as @bytes
 *
 * What a tunable knows about one interval.
 */
struct _GstOneadaptProbe {
  GPtrArray *knobs;
  guint64 bytes;
  gdouble resource;
  guint frames_in;
  guint frames_out;
  gdouble compute;
  gdouble activity;
  gboolean has_lookahead;
  guint64 next_bytes;

  /*< private >*/
  gpointer _gst_reserved[GST_PADDING - 3];
};

GST_ONEADAPT_API GType gst_oneadapt_probe_get_type(void);
GST_ONEADAPT_API GstOneadaptProbe *gst_oneadapt_probe_new(void);
GST_ONEADAPT_API GstOneadaptProbe *gst_oneadapt_probe_copy(const GstOneadaptProbe *probe);
GST_ONEADAPT_API void gst_oneadapt_probe_free(GstOneadaptProbe *probe);

#define GST_TYPE_ONEADAPT_RENDERING (gst_oneadapt_rendering_get_type())
typedef struct _GstOneadaptRendering GstOneadaptRendering;

/**
 * GstOneadaptRendering:
 * @samples: (element-type GstSample): what the DNN would have received, raw media with caps, in order of stream time
 * @times: (element-type GstClockTime): stream time in ns of each of @samples, increasing
 * @wanted: (element-type GstClockTime): stream times at which a result is wanted, increasing. The result at such a time
 *   is that of the last sample that is not later; there is no result when there is no such sample
 * @resource: r of the configuration, as a fraction of the most expensive one's; < 0 when unknown
 *
 * What a configuration would have made of a remembered interval. A boxed type.
 */
struct _GstOneadaptRendering {
  GPtrArray *samples;
  GArray *times;
  GArray *wanted;
  gdouble resource;

  /*< private >*/
  gpointer _gst_reserved[GST_PADDING];
};

GST_ONEADAPT_API GType gst_oneadapt_rendering_get_type(void);
GST_ONEADAPT_API GstOneadaptRendering *gst_oneadapt_rendering_new(void);
GST_ONEADAPT_API void gst_oneadapt_rendering_add(GstOneadaptRendering *rendering, GstSample *sample,
                                                 GstClockTime stream_time);
GST_ONEADAPT_API void gst_oneadapt_rendering_want(GstOneadaptRendering *rendering, GstClockTime stream_time);
GST_ONEADAPT_API GstOneadaptRendering *gst_oneadapt_rendering_copy(const GstOneadaptRendering *rendering);
GST_ONEADAPT_API void gst_oneadapt_rendering_free(GstOneadaptRendering *rendering);

#define GST_TYPE_ONEADAPT_TUNABLE (gst_oneadapt_tunable_get_type())
#define GST_ONEADAPT_TUNABLE(obj) (G_TYPE_CHECK_INSTANCE_CAST((obj), GST_TYPE_ONEADAPT_TUNABLE, GstOneadaptTunable))
#define GST_IS_ONEADAPT_TUNABLE(obj) (G_TYPE_CHECK_INSTANCE_TYPE((obj), GST_TYPE_ONEADAPT_TUNABLE))
#define GST_ONEADAPT_TUNABLE_GET_INTERFACE(obj) \
  (G_TYPE_INSTANCE_GET_INTERFACE((obj), GST_TYPE_ONEADAPT_TUNABLE, GstOneadaptTunableInterface))
typedef struct _GstOneadaptTunable GstOneadaptTunable;
typedef struct _GstOneadaptTunableInterface GstOneadaptTunableInterface;

/**
 * GstOneadaptTunableInterface:
 * @list_knobs: (element-type GstOneadaptKnob) (transfer full): the knobs that can be adapted now; empty before caps
 *   are known
 * @probe: (transfer full): measures the effect of one rung up and one rung down for each knob named in @knobs (NULL:
 *   all), in the interval of @gradient. Called from the controller's own thread, possibly while data flows. It may take
 *   long and must not block the data path. With @gradient NULL it reports only bytes, resource and rungs. Returns NULL
 *   and sets @error when the interval is no longer known, or not yet
 * @apply: sets new values (a structure with one number field for each knob, values of the ladder). They take effect at
 *   the first frame of the first interval ≥ @interval that has not begun. A tunable with
 *   GstOneadaptProbe.has_lookahead also accepts a field "idle", a structure of the same kind: the values for intervals
 *   in which nothing goes on. Knobs that "idle" does not name keep one value for all intervals. Returns FALSE and sets
 *   @error for an unknown knob
 * @render: (transfer full) (nullable): optional, for policies that profile. Makes what @configuration (as for apply;
 *   knobs that it does not name stay as they were) would have made of a remembered interval, at the remembered
 *   instants. An interval that was rendered once is remembered until another one is rendered, so that all renderings
 *   of a profile are of the same pictures. It may take long and must not block the data path. Returns NULL and sets
 *   @error when the interval is no longer known, or not yet, or when the configuration is invalid
 *
 * An element that filters what a DNN will see, and that can say what another configuration would have changed. The
 * controller knows nothing else about it. All functions may be called from any thread.
 */
struct _GstOneadaptTunableInterface {
  GTypeInterface parent;

  GPtrArray *(*list_knobs)(GstOneadaptTunable *tunable);
  GstOneadaptProbe *(*probe)(GstOneadaptTunable *tunable, guint64 interval, const GstOneadaptGradient *gradient,
                             const gchar *const *knobs, GError **error);
  gboolean (*apply)(GstOneadaptTunable *tunable, guint64 interval, const GstStructure *configuration, GError **error);
  GstOneadaptRendering *(*render)(GstOneadaptTunable *tunable, guint64 interval, const GstStructure *configuration,
                                  GError **error);

  /*< private >*/
  gpointer _gst_reserved[GST_PADDING - 1];
};

GST_ONEADAPT_API GType gst_oneadapt_tunable_get_type(void);
GST_ONEADAPT_API GPtrArray *gst_oneadapt_tunable_list_knobs(GstOneadaptTunable *tunable);
GST_ONEADAPT_API GstOneadaptProbe *gst_oneadapt_tunable_probe(GstOneadaptTunable *tunable, guint64 interval,
                                                              const GstOneadaptGradient *gradient,
                                                              const gchar *const *knobs, GError **error);
GST_ONEADAPT_API gboolean gst_oneadapt_tunable_apply(GstOneadaptTunable *tunable, guint64 interval,
                                                     const GstStructure *configuration, GError **error);

GST_ONEADAPT_API GstOneadaptRendering *gst_oneadapt_tunable_render(GstOneadaptTunable *tunable, guint64 interval,
                                                                   const GstStructure *configuration, GError **error);

/* ---- profiles ----------------------------------------------------------------------------------------------- */

/**
 * GstOneadaptRenderFunc:
 * @index: number of the configuration, less than the query's number of renderings
 * @user_data: data of the element that sent the query
 *
 * Makes one rendering. The element that answers the query calls it in the thread of the query, for one rendering at a
 * time.
 *
 * Returns: (transfer full) (nullable): the rendering; NULL when it cannot be made or the profile is cancelled. The
 * query is then answered with FALSE.
 */
typedef GstOneadaptRendering *(*GstOneadaptRenderFunc)(guint index, gpointer user_data);

/* A GST_QUERY_CUSTOM with which a controller asks the DNN downstream, in the same process, for the accuracy of
 * configurations. The DNN asks for the renderings one at a time, so that only one is in memory. It starts with the last
 * one, the most expensive configuration, with which the others are compared. The query is not serialized: it overtakes
 * data. The functions follow gst_query_*. */
GST_ONEADAPT_API GstQuery *gst_query_new_oneadapt_profile(guint n_renderings, GstOneadaptRenderFunc render,
                                                          gpointer user_data);
GST_ONEADAPT_API gboolean gst_query_is_oneadapt_profile(GstQuery *query);
GST_ONEADAPT_API gboolean gst_query_parse_oneadapt_profile(GstQuery *query, guint *n_renderings,
                                                           GstOneadaptRenderFunc *render, gpointer *user_data);
GST_ONEADAPT_API void gst_query_set_oneadapt_profile_result(GstQuery *query, const gdouble *accuracies,
                                                            guint n_accuracies, guint64 inferences);
GST_ONEADAPT_API gboolean gst_query_parse_oneadapt_profile_result(GstQuery *query, gdouble **accuracies,
                                                                  guint *n_accuracies, guint64 *inferences);

/* ---- feedback between processes ------------------------------------------------------------------------------- */

/* Carries gradient messages from a DNN to a camera in another pipeline (docs/network.md). oneadaptdnn and oneadaptctl
 * each use one, set by their property "feedback". The functions are public for elements that replace these two. */
typedef struct _GstOneadaptFeedback GstOneadaptFeedback;

/**
 * GstOneadaptFeedbackFunc:
 * @message: (transfer none): a gradient message for gst_oneadapt_gradient_from_bytes(). It may come from a stranger
 * @user_data: data of the receiver
 */
typedef void (*GstOneadaptFeedbackFunc)(GBytes *message, gpointer user_data);

/**
 * GstOneadaptKeyFrameFunc:
 * @user_data: data of the receiver
 *
 * The DNN lost a part of the stream, or joined it: it needs a key frame.
 */
typedef void (*GstOneadaptKeyFrameFunc)(gpointer user_data);

GST_ONEADAPT_API GBytes *gst_oneadapt_key_request_to_bytes(guint32 ssrc);
GST_ONEADAPT_API gboolean gst_oneadapt_key_request_from_bytes(GBytes *message, guint32 *ssrc);

GST_ONEADAPT_API GstOneadaptFeedback *gst_oneadapt_feedback_new_receiver(const gchar *where,
                                                                         GstOneadaptFeedbackFunc func,
                                                                         gpointer user_data, GError **error);
GST_ONEADAPT_API GstOneadaptFeedback *gst_oneadapt_feedback_new_sender(const gchar *where, GError **error);
GST_ONEADAPT_API void gst_oneadapt_feedback_set_key_frame_func(GstOneadaptFeedback *feedback,
                                                               GstOneadaptKeyFrameFunc func, gpointer user_data);
GST_ONEADAPT_API guint gst_oneadapt_feedback_attach(GstOneadaptFeedback *feedback, GstPad *pad);
GST_ONEADAPT_API gboolean gst_oneadapt_feedback_send(GstOneadaptFeedback *feedback, GBytes *message);
GST_ONEADAPT_API GstStructure *gst_oneadapt_feedback_get_stats(GstOneadaptFeedback *feedback);
GST_ONEADAPT_API void gst_oneadapt_feedback_free(GstOneadaptFeedback *feedback);

/* ---- errors ------------------------------------------------------------------------------------------------- */

#define GST_ONEADAPT_ERROR (gst_oneadapt_error_quark())
typedef enum {
  GST_ONEADAPT_ERROR_MALFORMED, /* an invalid gradient or message */
  GST_ONEADAPT_ERROR_INTERVAL,  /* the interval is no longer known, or not yet */
  GST_ONEADAPT_ERROR_KNOB,      /* no such knob, or a value outside its range */
  GST_ONEADAPT_ERROR_FAILED     /* any other error; the message says which */
} GstOneadaptError;
GST_ONEADAPT_API GQuark gst_oneadapt_error_quark(void);

G_END_DECLS

#endif
