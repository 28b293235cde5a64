// SPDX-License-Identifier: LGPL-2.1-or-later
// A pipeline that a seed stands for: its launch line, what its cameras see, and what happens to it while it plays.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace random_pipelines {

struct Rectangle {
  int x = 0, y = 0, width = 0, height = 0;  ///< pixels
};

/// What a camera's caps and pictures are for a while.
struct Look {
  std::string format = "I420";
  int width = 0, height = 0;
  int par_n = 1, par_d = 1;
  int fps_n = 25, fps_d = 1;  ///< as caps promise
  Rectangle thing;            ///< the bright square
};

struct Frame {
  std::uint64_t time = 0;      ///< ns of stream time
  std::uint64_t duration = 0;  ///< ns; 0: the buffer does not say
  bool stamped = true;         ///< the buffer has a time stamp
  std::size_t look = 0;        ///< index in Camera::looks
};

struct Camera {
  std::vector<Look> looks;
  std::vector<Frame> frames;
  int brightness = 0;  ///< luma of the square; the rest is dark
};

enum class Deed {
  Set,          ///< a property gets a value
  Gap,          ///< a gap event, of a few frames' time that nothing comes for
  KeyUnit,      ///< downstream asks for a key picture
  Reconfigure,  ///< downstream asks for negotiation
  Seek,         ///< with a flush, to the time of frame `number`
  Pause,        ///< and on
  Restart,      ///< by way of READY or NULL (`number` 1)
  Stop,         ///< in mid-stream; the run is over
  EndOfStream,  ///< sent into the pipeline
};

/// Happens when the first camera has come to that frame for the first time.
struct Action {
  int frame = 0;
  Deed deed = Deed::Set;
  std::string element, property, value;
  int number = 0;
  bool moves = false;  ///< things are elsewhere in the picture from then on
};

struct Recipe {
  std::uint64_t seed = 0;
  std::string launch;  ///< MODEL and RESULTS stand for files
  std::vector<Camera> cameras;
  std::vector<Action> actions;
  bool live = false, lockstep = false;
  bool results = false;                   ///< RESULTS is written
  bool infers_every_frame = true;         ///< results are of the frame that they come with
  bool means = false;                     ///< a gradient is the mean of several frames'
  std::uint64_t interval = 0;             ///< ns
  int input_width = 0, input_height = 0;  ///< of the model; 0: the largest frame's
};

/// The same one for the same seed, on any machine.
Recipe recipe_of(std::uint64_t seed);

/// For people: the launch line, the cameras, the actions.
std::string text_of(const Recipe &recipe);

}  // namespace random_pipelines
