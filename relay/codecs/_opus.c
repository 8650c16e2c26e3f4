/* Opus of many encoders in one call. libopus' function and its encoders are handed in, so that an encoder belongs to
 * Python as before and may be used from there between two calls. */

#include <stdint.h>

typedef int32_t (*encode_function)(void *encoder, const int16_t *samples, int frame, uint8_t *packet, int32_t most);

/* A packet of `frame` samples by each of `count` encoders, each with room for `most` octets. `sizes`: of the packets;
 * negative where libopus refuses. */
static void encode_each(intptr_t encode, int count, const intptr_t *encoders, const int16_t *samples, int frame,
                        uint8_t *packets, int most, int32_t *sizes)
{
    for (int i = 0; i < count; i++)
        sizes[i] = ((encode_function)encode)((void *)encoders[i], samples + (int64_t)i * frame, frame,
                                             packets + (int64_t)i * most, most);
}
