/* SPDX-License-Identifier: MIT */
/*
 * The names, numbers and layouts of the Open Sound System, version 4, that linux/soundcard.h has not: an interface that
 * programs on other systems are built with. Written for ioctlgen from the OSS 4 programmer's documentation; the numbers
 * are in the order of their letters.
 */
#ifndef DEVLIFT_OSS4_H
#define DEVLIFT_OSS4_H

#include <linux/ioctl.h>

/* Sample formats beyond those of version 3. The 24 bits of S24_LE and S24_BE are the low ones of 32. */
#define AFMT_S32_LE		0x00001000
#define AFMT_S32_BE		0x00002000
#define AFMT_FLOAT		0x00004000
#define AFMT_S24_LE		0x00008000
#define AFMT_S24_BE		0x00010000
#define AFMT_S24_PACKED		0x00040000

/* Capabilities of a device beyond the DSP_CAP bits. */
#define PCM_CAP_INPUT		0x00010000
#define PCM_CAP_OUTPUT		0x00020000
#define PCM_CAP_VIRTUAL		0x00040000
#define PCM_CAP_FREERATE	0x10000000
#define PCM_CAP_DEFAULT		0x40000000

typedef char oss_longname_t[64];
typedef char oss_label_t[16];

struct oss_sysinfo {
	char product[32];
	char version[32];
	int versionnum;
	char options[128];
	int numaudios;
	int openedaudio[8];
	int numsynths;
	int nummidis;
	int numtimers;
	int nummixers;
	int openedmidi[8];
	int numcards;
	int numaudioengines;
	char license[16];
	char revision_info[256];
	int filler[172];
};

struct oss_audioinfo {
	int dev;
	char name[64];
	int busy;
	int pid;
	int caps;
	int iformats;
	int oformats;
	int magic;
	char cmd[64];
	int card_number;
	int port_number;
	int mixer_dev;
	int legacy_device;
	int enabled;
	int flags;
	int min_rate;
	int max_rate;
	int min_channels;
	int max_channels;
	int binding;
	int rate_source;
	char handle[32];
	unsigned int nrates;
	unsigned int rates[20];
	char song_name[64];
	char label[16];
	int latency;
	char devnode[32];
	int next_play_engine;
	int next_rec_engine;
	int filler[184];
};

struct oss_mixerinfo {
	int dev;
	char id[16];
	char name[32];
	int modify_counter;
	int card_number;
	int port_number;
	char handle[32];
	int magic;
	int enabled;
	int caps;
	int flags;
	int nrext;
	int priority;
	char devnode[32];
	int legacy_device;
	int filler[245];
};

/* What a control of a mixer's extension is. */
#define MIXT_DEVROOT		0
#define MIXT_STEREOSLIDER	5

#define MIXF_READABLE		0x00000001
#define MIXF_WRITEABLE		0x00000002
#define MIXF_POLL		0x00000004
#define MIXF_MAINVOL		0x00000400
#define MIXF_PCMVOL		0x00000800
#define MIXF_RECVOL		0x00001000

struct oss_mixext {
	int dev;
	int ctrl;
	int type;
	int maxvalue;
	int minvalue;
	int flags;
	char id[16];
	int parent;
	int dummy;
	int timestamp;
	char data[64];
	unsigned char enum_present[32];
	int control_no;
	unsigned int desc;
	char extname[32];
	int update_counter;
	int rgbcolor;
	int filler[6];
};

struct oss_mixer_value {
	int dev;
	int ctrl;
	int value;
	int flags;
	int timestamp;
	int filler[8];
};

struct oss_mixer_enuminfo {
	int dev;
	int ctrl;
	int nvalues;
	int version;
	short strindex[255];
	char strings[3000];
};

struct oss_card_info {
	int card;
	char shortname[16];
	char longname[128];
	int flags;
	char hw_info[400];
	int intr_count;
	int ack_count;
	int filler[154];
};

struct oss_audio_errinfo {
	int play_underruns;
	int rec_overruns;
	unsigned int play_ptradjust;
	unsigned int rec_ptradjust;
	int play_errorcount;
	int rec_errorcount;
	int play_lasterror;
	int rec_lasterror;
	int play_errorparm;
	int rec_errorparm;
	int filler[16];
};

struct oss_count {
	long long samples;
	int fifo_samples;
	int filler[32];
};

#define SNDCTL_DSP_GETPLAYVOL		_IOR('P', 24, int)
#define SNDCTL_DSP_SETPLAYVOL		_IOWR('P', 24, int)
#define SNDCTL_DSP_GETERROR		_IOR('P', 25, struct oss_audio_errinfo)
#define SNDCTL_DSP_COOKEDMODE		_IOW('P', 30, int)
#define SNDCTL_DSP_SILENCE		_IO('P', 31)
#define SNDCTL_DSP_SKIP			_IO('P', 32)
#define SNDCTL_DSP_HALT_INPUT		_IO('P', 33)
#define SNDCTL_DSP_HALT_OUTPUT		_IO('P', 34)
#define SNDCTL_DSP_LOW_WATER		_IOW('P', 34, int)
#define SNDCTL_DSP_CURRENT_IPTR		_IOR('P', 35, struct oss_count)
#define SNDCTL_DSP_CURRENT_OPTR		_IOR('P', 36, struct oss_count)
#define SNDCTL_DSP_GET_RECSRC		_IOR('P', 38, int)
#define SNDCTL_DSP_SET_RECSRC		_IOWR('P', 38, int)
#define SNDCTL_DSP_GET_PLAYTGT		_IOR('P', 40, int)
#define SNDCTL_DSP_SET_PLAYTGT		_IOWR('P', 40, int)
#define SNDCTL_DSP_GETRECVOL		_IOR('P', 41, int)
#define SNDCTL_DSP_SETRECVOL		_IOWR('P', 41, int)
#define SNDCTL_DSP_POLICY		_IOW('P', 45, int)

#define SNDCTL_SYSINFO			_IOR('X', 1, struct oss_sysinfo)
#define SNDCTL_MIX_NRMIX		_IOR('X', 2, int)
#define SNDCTL_MIX_NREXT		_IOWR('X', 3, int)
#define SNDCTL_MIX_EXTINFO		_IOWR('X', 4, struct oss_mixext)
#define SNDCTL_MIX_READ			_IOWR('X', 5, struct oss_mixer_value)
#define SNDCTL_MIX_WRITE		_IOWR('X', 6, struct oss_mixer_value)
#define SNDCTL_MIX_ENUMINFO		_IOWR('X', 8, struct oss_mixer_enuminfo)
#define SNDCTL_AUDIOINFO		_IOWR('X', 7, struct oss_audioinfo)
#define SNDCTL_MIXERINFO		_IOWR('X', 10, struct oss_mixerinfo)
#define SNDCTL_CARDINFO			_IOWR('X', 11, struct oss_card_info)
#define SNDCTL_ENGINEINFO		_IOWR('X', 12, struct oss_audioinfo)
#define SNDCTL_AUDIOINFO_EX		_IOWR('X', 13, struct oss_audioinfo)

#define SNDCTL_SETSONG			_IOW('Y', 2, oss_longname_t)
#define SNDCTL_GETSONG			_IOR('Y', 2, oss_longname_t)
#define SNDCTL_SETNAME			_IOW('Y', 3, oss_longname_t)
#define SNDCTL_SETLABEL			_IOW('Y', 4, oss_label_t)
#define SNDCTL_GETLABEL			_IOR('Y', 4, oss_label_t)

#endif
