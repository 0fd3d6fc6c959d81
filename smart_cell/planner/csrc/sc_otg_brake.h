/* Bringing a joint back inside its limits of velocity and acceleration; internal to sc_otg_*.c. */
#ifndef SC_OTG_BRAKE_H
#define SC_OTG_BRAKE_H

#include "sc_otg_joint.h"

/* Times of up to two phases, the first with the returned jerk, the second with none. After them
 * |v| and |a| are inside, or on the best way there. Both zero, and 0 returned, if nothing is to be
 * done. (The rules of Berscheid & Kroeger 2021.) */
double sc_otg_brake(const sc_rates *rates, double v, double a, double t[2]);

#endif
