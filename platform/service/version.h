/* The version of Fanfare, as meson.build has it. */
#pragma once

#ifndef FANFARE_VERSION
#define FANFARE_VERSION "0.1.0"
#endif
